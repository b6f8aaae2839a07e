import { expect, test } from "vitest";
import { parseExactJson } from "./exact-json.js";
import { isSameJson } from "./same-json.js";

const texts = [
  "null",
  "true",
  "false",
  '""',
  '"1"',
  "1",
  "1.0",
  "12345678901234567890",
  "12345678901234567891",
  "[]",
  "[1]",
  "[1,2]",
  "[2,1]",
  "[[]]",
  "{}",
  '{"a":1}',
  '{"a":null}',
  '{"b":null}',
  '{"a":1,"b":[{"c":"d"}]}',
  '{"a":1,"b":[{"c":"e"}]}',
  '{"__proto__":1}',
  '{"toString":1}',
];

const json = (text: string) => parseExactJson(Buffer.from(text))!;

test.each(texts)("%s is the same as itself, and as no other", (text) => {
  expect(texts.filter((other) => isSameJson(json(text), json(other)))).toEqual([text]);
});

test("the order of keys makes no difference, and depth costs no stack", () => {
  expect(isSameJson(json('{"a":1,"b":{"c":2,"d":3}}'), json('{"b":{"d":3,"c":2},"a":1}'))).toBe(true);
  const deep = () => Array.from({ length: 100_000 }).reduce<unknown>((inner) => [inner], 1) as never;
  expect(isSameJson(deep(), deep())).toBe(true);
});
