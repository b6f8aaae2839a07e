import { LosslessNumber } from "lossless-json";
import { expect, test } from "vitest";
import type { Data } from "./answer.js";
import { mergePatch } from "./merge-patch.js";

const digits = new LosslessNumber("1.50");

test.each<[string, target: Data, patch: Data, merged: Data]>([
  ["adds", { a: 1 }, { b: 2 }, { a: 1, b: 2 }],
  ["replaces", { a: 1 }, { a: "x" }, { a: "x" }],
  ["takes away with null, also what is not there", { a: 1, b: 2 }, { a: null, c: null }, { b: 2 }],
  ["goes into records", { r: { a: 1, b: 2 } }, { r: { a: null, c: 3 } }, { r: { b: 2, c: 3 } }],
  ["replaces lists whole", { l: [1, 2] }, { l: [3] }, { l: [3] }],
  ["replaces a value by a record, without its nulls", { a: 1 }, { a: { b: null, c: 1 } }, { a: { c: 1 } }],
  ["replaces a record by a value", { a: { b: 1 } }, { a: 1 }, { a: 1 }],
  ["keeps the digits of numbers", { a: { b: 1 } }, { a: digits }, { a: digits }],
  ["changes nothing without fields", { a: 1 }, {}, { a: 1 }],
])("%s", (_, target, patch, merged) => {
  expect(mergePatch(target, patch)).toEqual(merged);
});

test("a field named __proto__ is a field", () => {
  const patch = JSON.parse('{"__proto__":{"a":1}}') as Data;
  expect(JSON.stringify(mergePatch({}, patch))).toBe('{"__proto__":{"a":1}}');
});
