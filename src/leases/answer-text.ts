import type { AnswerBody } from "../mount/secret-value.js";
import { exactJson, parseExactJson } from "../shared/exact-json.js";
import { type Json, type JsonObject, isJsonNumber, isJsonObject } from "../shared/json.js";

/** What a record has of an answer: JSON; a raw answer is a text of base64, which no parsed one is. */
export function answerText(body: AnswerBody): string {
  const revealed = body.reveal();
  return exactJson(Buffer.isBuffer(revealed) ? revealed.toString("base64") : revealed);
}

/** What `answerText` was made of; `undefined` for another text. */
export function bodyInText(text: string): JsonObject | Buffer | null | undefined {
  const body = parseExactJson(Buffer.from(text));
  if (typeof body === "string") return Buffer.from(body, "base64");
  return body === null || isJsonObject(body) ? body : undefined;
}

const counted = new WeakMap<AnswerBody, number>();

/** The bytes of a record that the text takes, a string of its JSON: counted without making either. */
export function recordedBytes(body: AnswerBody): number {
  const known = counted.get(body);
  if (known !== undefined) return known;
  const revealed = body.reveal();
  const bytes = 2 + (Buffer.isBuffer(revealed) ? 4 + 4 * Math.ceil(revealed.length / 3) : bytesOf(revealed));
  counted.set(body, bytes);
  return bytes;
}

function bytesOf(value: Json): number {
  if (typeof value === "string") return recordedStringBytes(value);
  if (typeof value !== "object" || value === null) return String(value).length;
  if (isJsonNumber(value)) return value.value.length;
  const items = Array.isArray(value)
    ? value.map(bytesOf)
    : Object.entries(value).map(([key, member]) => recordedStringBytes(key) + 1 + bytesOf(member));
  return items.reduce((sum, bytes) => sum + bytes, 2 + Math.max(0, items.length - 1));
}

/** Whatever takes one byte of UTF-8 and no escape. */
const plain = /^[ !#-[\]-~\u007f]*$/;

/** With its quotes, each of which the outer string escapes, as it does every escape within. */
function recordedStringBytes(text: string): number {
  if (plain.test(text)) return 4 + text.length;
  let bytes = 4;
  for (let at = 0; at < text.length; at += 1) {
    const point = text.codePointAt(at)!;
    if (point > 0xffff) at += 1; // A pair of units.
    bytes += pointBytes(point);
  }
  return bytes;
}

const [quote, backslash] = [0x22, 0x5c];
const shortEscapes = new Set([..."\b\f\n\r\t"].map((character) => character.charCodeAt(0)));

function pointBytes(point: number): number {
  if (point === quote || point === backslash) return 4; // `\\\"` and `\\\\`.
  if (point < 0x20) return shortEscapes.has(point) ? 3 : 7; // `\\n` and `\\u0000`.
  if (point < 0x80) return 1;
  if (point < 0x800) return 2;
  if (point >= 0xd800 && point <= 0xdfff) return 7; // Half of a pair: `\\ud800`.
  return point <= 0xffff ? 3 : 4;
}
