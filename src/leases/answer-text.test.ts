import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseExactJson } from "../shared/exact-json.js";
import type { JsonObject } from "../shared/json.js";
import { Redacted } from "../shared/redacted.js";
import { answerText, bodyInText, recordedBytes } from "./answer-text.js";

const parsed = (text: string) => new Redacted(parseExactJson(Buffer.from(text)) as JsonObject);
const answer = (value: string) => parsed(JSON.stringify({ data: { value } }));
/** As a record has it: a string of JSON within JSON. */
const bytesIn = (text: string) => Buffer.byteLength(JSON.stringify(text));
const empty = bytesIn(answerText(answer("")));

describe("each character of an answer takes so many bytes of a record", () => {
  test.each([
    ["x", 1],
    ["<", 1],
    [">", 1],
    ["&", 1],
    ["\u007f", 1],
    ["é", 2],
    ["€", 3],
    ["\u2028", 3],
    ["😀", 4],
    ["\n", 3],
    ['"', 4],
    ["\\", 4],
    ["\u0001", 7],
    ["\ud800", 7],
  ])("%j: %i", (character, bytes) => {
    const body = answer(character.repeat(100));
    expect(recordedBytes(body) - empty).toBe(100 * bytes);
    expect(bytesIn(answerText(body)) - empty).toBe(100 * bytes);
  });
});

test("the bytes of any answer are counted exactly, and its text is read as it was", () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: "binary", noUnicodeString: false } as object), (text) => {
      const body = parsed(`{"data":${text},"n":[1.10,-0,1e400]}`);
      expect(recordedBytes(body)).toBe(bytesIn(answerText(body)));
      expect(bodyInText(answerText(body))).toEqual(body.reveal());
    }),
  );
});

test.each([0, 1, 2, 3, 1000])("and those of %i raw bytes, and of none", (length) => {
  const raw = new Redacted(Buffer.alloc(length, 0xff));
  expect(recordedBytes(raw)).toBe(bytesIn(answerText(raw)));
  expect(bodyInText(answerText(raw))).toEqual(raw.reveal());
  const none = new Redacted(null);
  expect([recordedBytes(none), bodyInText(answerText(none))]).toEqual([bytesIn(answerText(none)), null]);
});

test("a text with Go's escapes, as earlier records have, is read as well", () => {
  expect(bodyInText('{"data":"\\u003cb\\u003e"}')).toEqual({ data: "<b>" });
});
