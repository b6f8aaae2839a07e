import { isShared } from "./exact-json.js";
import { type Json, isJsonNumber } from "./json.js";
import { textBytes } from "./text-bytes.js";

/** Heap bytes of each, without its contents; measured on Node 20 with `--expose-gc`. */
const bytesOf = { number: 112, string: 24, list: 48, element: 8, map: 72, member: 40 };

/**
 * What parsed JSON takes of the heap, nearly, and not less: a list of numbers takes twenty times its text, a long string
 * as much as its text, or twice that where one character is not of Latin-1. Takes time with the values and the text.
 */
export function jsonBytes(json: Json): number {
  if (typeof json === "string") return stringBytes(json);
  if (typeof json !== "object" || json === null) return 0;
  if (isJsonNumber(json)) return isShared(json) ? 0 : bytesOf.number + json.value.length;
  if (Array.isArray(json)) {
    return json.reduce<number>((sum, element) => sum + bytesOf.element + jsonBytes(element), bytesOf.list);
  }
  let sum = bytesOf.map;
  for (const key in json) sum += bytesOf.member + stringBytes(key) + jsonBytes(json[key]!); // Makes no list of the keys.
  return sum;
}

function stringBytes(text: string): number {
  return bytesOf.string + textBytes(text);
}
