import { expect, test } from "vitest";
import { EvictionOrder } from "./eviction-order.js";
import { newEntry } from "./cache-entry.js";

const request = { method: "GET", path: "secret/data/app", query: "" } as const;
const entry = (key: string, namespace: string) => newEntry({ key, namespace, request, ownerKey: "t" });

test("the least recently used of a namespace goes first", () => {
  const order = new EvictionOrder();
  const [a, b, c] = [entry("a", "shop"), entry("b", "shop"), entry("c", "crowd")];
  for (const each of [a, b, c]) order.renew(each);
  expect(order.oldest("shop")).toBe(a);
  order.renew(a);
  expect(order.oldest("shop")).toBe(b);
  expect(order.oldest("crowd")).toBe(c);
  expect(order.oldest("other")).toBeUndefined();
  expect([...order.namespaces()]).toEqual(["shop", "crowd"]);
  order.remove(c);
  expect(order.has(c)).toBe(false);
  expect([...order.namespaces()]).toEqual(["shop"]);
});
