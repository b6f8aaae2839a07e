import type { Json } from "../../shared/json.js";
import { unicodeEscape } from "../../shared/shown-text.js";
import { membersOf } from "./members.js";

/** A Java properties file, in ASCII: what java.util.Properties.load reads back, whatever its charset. */
export function properties(value: Json, place: string): string {
  return membersOf(value, "properties", place)
    .map(([name, text]) => `${escapedName(name)}=${escapedText(text)}\n`)
    .join("");
}

/** Spaces, separators and comment signs end or begin a key. java.util.Properties, "load". */
function escapedName(name: string): string {
  return escaped(name).replace(/[ :=#!]/g, "\\$&");
}

/** A value: only its leading spaces would be skipped. */
export function escapedText(text: string): string {
  return escaped(text).replace(/^ +/, (spaces) => "\\ ".repeat(spaces.length));
}

const controls: Readonly<Record<string, string>> = { "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r" };

/** In need of no escape anywhere. */
const plain = /^[\w./+-]*$/;

function escaped(text: string): string {
  if (plain.test(text)) return text;
  return text
    .replaceAll("\\", "\\\\")
    .replace(/[\t\n\f\r]/g, (control) => controls[control]!)
    .replace(/[^ -~]/g, unicodeEscape);
}
