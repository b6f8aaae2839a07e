import { type Json, isJsonNumber } from "./json.js";
import { unicodeEscape } from "./shown-text.js";

/**
 * JSON text as Go's `json.Marshal` writes it, so that files equal the Go provider's byte for byte: keys sorted,
 * `<`, `>`, `&`, U+2028 and U+2029 escaped, numbers with the digits Vault sent.
 */
export function goJson(value: Json): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return goString(value);
  if (isJsonNumber(value)) return value.toString();
  if (Array.isArray(value)) return `[${value.map(goJson).join(",")}]`;
  const members = inGoOrder(Object.keys(value)).map((key) => `${goString(key)}:${goJson(value[key] ?? null)}`);
  return `{${members.join(",")}}`;
}

const escapes = ["<", ">", "&", "\u2028", "\u2029"].map((character) => [character, unicodeEscape(character)] as const);

/** A string as Go writes it within JSON, quotes included. */
export function goString(text: string): string {
  const json = JSON.stringify(text.toWellFormed());
  if (!/[<>&\u2028\u2029]/.test(json)) return json;
  return escapes.reduce((escaped, [character, escape]) => escaped.replaceAll(character, escape), json);
}

const surrogate = /[\ud800-\udfff]/;

/** Go compares strings by their UTF-8 bytes, which is the order of code points; JavaScript by UTF-16 units. */
function inGoOrder(keys: string[]): string[] {
  if (!keys.some((key) => surrogate.test(key))) return keys.sort();
  return keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}
