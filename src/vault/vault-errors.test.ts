import { expect, test } from "vitest";
import type { Json } from "../shared/json.js";
import { errorsIn } from "./vault-errors.js";
import { shownWords } from "./vault-words.js";

test.each<[string, Json, string[]]>([
  ["no list", "x", []],
  ["texts, without space around them", [" a\n", null, ["b"], "c"], ["a", "c"]],
  ["ten at most", Array.from({ length: 20 }, (_, n) => `${n}`), Array.from({ length: 10 }, (_, n) => `${n}`)],
  ["each cut, and seen to be", [`${" ".repeat(9)}${"x".repeat(400)}`], ["x".repeat(301)]],
])("errors that are %s", (_what, errors, texts) => {
  expect(errorsIn({ errors })).toEqual(texts);
});

test.each([null, undefined, {}])("none in %j", (body) => {
  expect(errorsIn(body)).toEqual([]);
});

test("an error that was cut is not shown", () => {
  const known = `unknown role: ${"r".repeat(100)}`;
  expect(shownWords(errorsIn({ errors: [known] }))).toBe(known);
  expect(shownWords(errorsIn({ errors: [`${known}${" ".repeat(300)}host=secret`] }))).toBeUndefined();
});

test.each([
  ["spaces", `x${" ".repeat(4 << 20)}x`],
  ["claims", 'claim "'.repeat(400_000)],
  ["counts", "1 error occurred:".repeat(200_000)],
])("a hostile error of %s costs little", (_what, error) => {
  const began = performance.now();
  expect(shownWords(errorsIn({ errors: Array(10_000).fill(error) as string[] }))).toBeUndefined();
  expect(performance.now() - began).toBeLessThan(1_000);
});
