import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { parseExactJson } from "./exact-json.js";
import { jsonBytes } from "./json-bytes.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Twice, because the first collection can leave what only finalizers held. */
function heapInUse(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

const list = (count: number, of: (index: number) => string) =>
  `[${Array.from({ length: count }, (_, index) => of(index)).join(",")}]`;

/** Bytes of the heap that one more copy takes. */
function measured(text: Buffer): number {
  const copies = 20;
  const kept: unknown[] = [parseExactJson(text)];
  const before = heapInUse();
  for (let copy = 0; copy < copies; copy += 1) kept.push(parseExactJson(text));
  return (heapInUse() - before) / (kept.length - 1);
}

test.each([
  ["one digit each", list(10_000, () => "1")],
  ["three digits each", list(10_000, () => "128")],
  ["long numbers", list(10_000, (index) => `${Math.sqrt(index + 2)}`)],
  ["empty maps", list(10_000, () => "{}")],
  ["empty lists", list(10_000, () => "[]")],
  ["maps of one key", list(5_000, (index) => `{"k${index}":""}`)],
  ["strings", list(10_000, (index) => `"${index}-${Math.sqrt(index + 2)}"`)],
  ["a long string", `"${"a".repeat(1 << 20)}"`],
  ["a long string with one wide character", `"${"a".repeat(1 << 20)}😀"`],
  ["a long string of Cyrillic letters", `"${"я".repeat(1 << 19)}"`],
])("%s take no more than is reckoned, and a third at least", (_what, text) => {
  const bytes = Buffer.from(text);
  const [reckoned, taken] = [jsonBytes(parseExactJson(bytes)!), measured(bytes)];
  expect(reckoned).toBeGreaterThan(0.95 * taken);
  expect(reckoned).toBeLessThan(3 * taken);
});

test("what has no parts of its own takes nothing but its place", () => {
  expect([null, true, false].map(jsonBytes)).toEqual([0, 0, 0]);
});
