import { expect, test } from "vitest";
import { strictBase64 } from "./strict-base64.js";

test.each([
  ["", ""],
  ["aHVudGVyMg==", "hunter2"],
  ["aHVudGVyMg", "hunter2"],
  ["aHVu\r\ndGVy\n\tMg ==\n", "hunter2"],
  [" \n", ""],
  ["aA==", "h"],
  ["aHU=", "hu"],
  ["aHU", "hu"],
])("%j is the base64 of %j", (text, decoded) => {
  expect(strictBase64(text)?.toString()).toBe(decoded);
});

test.each([
  ["a digit too many", "aHVuZ"],
  ["padding where none belongs", "aHVu="],
  ["padding of one where two belong", "aA="],
  ["padding inside", "aA==aA=="],
  ["more padding than there is", "aA==="],
  ["padding alone", "="],
  ["a letter outside of the alphabet", "aHV\u00fc"],
  ["a wide letter whose low byte is a digit's", "aHV\u0161"],
  ["white space outside of ASCII", "aHVu\u00a0dGVy"],
  ["a vertical tab", "aHVu\vdGVy"],
  ["the other alphabet's", "_-__"],
])("%s is none", (_what, text) => {
  expect(strictBase64(text)).toBeUndefined();
});

test("each alphabet has its own two last digits", () => {
  expect(strictBase64("+/+/")).toEqual(Buffer.from([0xfb, 0xff, 0xbf]));
  expect(strictBase64("-_-_", "base64url")).toEqual(Buffer.from([0xfb, 0xff, 0xbf]));
  expect(strictBase64("+/+/", "base64url")).toBeUndefined();
});
