import { expect, test } from "vitest";
import { LruCache } from "./lru-cache.js";

test("the least recently used goes first when the weight is too much", () => {
  const cache = new LruCache<string>(10);
  cache.set("a", "A", 4);
  cache.set("b", "B", 4);
  expect(cache.get("a")).toBe("A");
  cache.set("c", "C", 4);
  expect(["a", "b", "c"].map((key) => cache.get(key))).toEqual(["A", undefined, "C"]);
});

test("what weighs more than all is not kept, nor what it replaces", () => {
  const cache = new LruCache<string>(10);
  cache.set("a", "A", 4);
  cache.set("a", "huge", 11);
  expect(cache.get("a")).toBeUndefined();
});

test("one that is used again and again is the newest until another is used", () => {
  const cache = new LruCache<string>(8);
  cache.set("a", "A", 4);
  cache.set("b", "B", 4);
  for (const key of ["a", "a", "b", "b", "a", "a"]) cache.get(key);
  expect([...cache.values()]).toEqual(["B", "A"]);
  cache.delete("a");
  cache.get("b");
  cache.set("c", "C", 4);
  cache.get("b");
  cache.set("d", "D", 4);
  expect([...cache.values()]).toEqual(["B", "D"]);
});

test("a value set again weighs once", () => {
  const cache = new LruCache<string>(10);
  for (let round = 0; round < 5; round += 1) cache.set("a", "A", 6);
  cache.set("b", "B", 4);
  expect(cache.get("a")).toBe("A");
});

test("its values are told, the least recently used first", () => {
  const cache = new LruCache<string>(10);
  cache.set("a", "A", 4);
  cache.set("b", "B", 4);
  cache.get("a");
  expect([...cache.values()]).toEqual(["B", "A"]);
});
