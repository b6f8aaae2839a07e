import { escapesOf } from "./escapes.js";
import type { Json } from "./json.js";
import { type JsonStyle, writeJson } from "./json-writing.js";
import { escapedUnit, unicodeEscape } from "./shown-text.js";
import { TextWriter } from "./text-writer.js";

/**
 * JSON text as Go's `json.Marshal` writes it, so that files equal the Go provider's byte for byte: keys sorted,
 * `<`, `>`, `&`, U+2028 and U+2029 escaped, numbers with the digits Vault sent. Throws the writer's error where it is longer
 * than the writer takes: a text may become six times as long.
 */
export function goJson(value: Json, out: TextWriter = new TextWriter()): string {
  writeGoJson(value, out);
  return out.text();
}

/** Appends a value as `goJson` gives it. */
export function writeGoJson(value: Json, out: TextWriter): void {
  writeJson(value, out, goStyle);
}

const goStyle: JsonStyle = { writeString: writeGoString, inOrder: inGoOrder };

/** A string as Go writes it within JSON, quotes included. */
export function goString(text: string): string {
  const out = new TextWriter();
  writeGoString(text, out);
  return out.text();
}

function writeGoString(text: string, out: TextWriter): void {
  const json = JSON.stringify(text.toWellFormed());
  if (/[<>&\u2028\u2029]/.test(json)) out.writeEscaped(json, escapes);
  else out.write(json);
}

const escapes = escapesOf(
  (character) => ("<>&".includes(character) ? unicodeEscape(character) : undefined),
  (unit) => (unit === 0x2028 || unit === 0x2029 ? escapedUnit(unit) : undefined),
);

const surrogate = /[\ud800-\udfff]/;

/** Go compares strings by their UTF-8 bytes, which is the order of code points; JavaScript by UTF-16 units. */
function inGoOrder(keys: string[]): string[] {
  if (!keys.some((key) => surrogate.test(key))) return keys.sort();
  return keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}
