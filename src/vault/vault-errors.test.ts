import { expect, test } from "vitest";
import type { Json } from "../shared/json.js";
import { errorsIn } from "./vault-errors.js";

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
