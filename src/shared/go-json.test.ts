import { LosslessNumber } from "lossless-json";
import { expect, test } from "vitest";
import type { Json } from "./json.js";
import { goJson } from "./go-json.js";

// Expected texts were printed by Go 1.26's json.Marshal.
test.each<[string, Json, string]>([
  ["sorts keys", { b: "2", a: "1" }, '{"a":"1","b":"2"}'],
  ["sorts integer-like keys as text", { "10": "x", "9": "y" }, '{"10":"x","9":"y"}'],
  ["sorts by code point, not by UTF-16 unit", { "\u{1f600}": "1", "\uffee": "2" }, '{"\uffee":"2","\u{1f600}":"1"}'],
  ["escapes what HTML reads", "<a href='x'>&</a>", "\"\\u003ca href='x'\\u003e\\u0026\\u003c/a\\u003e\""],
  ["escapes line separators", "\u2028\u2029", '"\\u2028\\u2029"'],
  ["escapes control characters", '\b\f\n\r\t\u0001"\\', '"\\b\\f\\n\\r\\t\\u0001\\"\\\\"'],
  [
    "keeps the digits of numbers",
    [new LosslessNumber("12345678901234567890"), new LosslessNumber("1.0")],
    "[12345678901234567890,1.0]",
  ],
  ["writes null and booleans", { a: null, b: true, c: [] }, '{"a":null,"b":true,"c":[]}'],
  ["replaces half a surrogate pair", "\ud800", '"\ufffd"'],
])("%s", (_name, value, text) => {
  expect(goJson(value)).toBe(text);
});
