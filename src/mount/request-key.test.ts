import { expect, test } from "vitest";
import { Redacted } from "../shared/redacted.js";
import type { VaultRequest } from "./mount-spec.js";
import { argsBytes, requestKey } from "./request-key.js";

const request: VaultRequest = { method: "PUT", path: "transit/encrypt/app", query: "a=1" };
const withArgs = (args: string): VaultRequest => ({ ...request, args: new Redacted(args) });

test.each<[string, VaultRequest]>([
  ["another method", { ...request, method: "POST" }],
  ["another path", { ...request, path: "transit/encrypt" }],
  ["another query", { ...request, query: "" }],
  ["arguments", withArgs("{}")],
  ["other arguments", withArgs('{"a":1}')],
])("%s, another key", (_what, other) => {
  expect(requestKey(other)).not.toBe(requestKey(request));
  expect(requestKey(other)).not.toBe(requestKey(withArgs("other")));
  expect(requestKey(other)).toBe(requestKey({ ...other }));
});

test("arguments are counted, and are not part of the key", () => {
  const long = withArgs(`{"plaintext":"${"canary".repeat(10_000)}"}`);
  expect(requestKey(long)).not.toContain("canary");
  expect(requestKey(long).length).toBeLessThan(200);
  expect(argsBytes(long)).toBe(60_016);
  expect(argsBytes(request)).toBe(0);
});
