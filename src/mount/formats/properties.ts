import { escapesOf } from "../../shared/escapes.js";
import type { Json } from "../../shared/json.js";
import { escapedUnit } from "../../shared/shown-text.js";
import { TextWriter } from "../../shared/text-writer.js";
import { membersOf, textOf } from "./members.js";

/** A Java properties file, in ASCII: java.util.Properties.load reads it back in every charset. */
export function properties(value: Json, location: string, out: TextWriter = new TextWriter()): string {
  for (const [name, member] of membersOf(value, "properties", location)) {
    out.writeEscaped(name, inName);
    out.write("=");
    writeValue(textOf(member, out.forPart()), out);
    out.write("\n");
  }
  return out.text();
}

/** A text as the value of a property. */
export function escapedText(text: string): string {
  const out = new TextWriter();
  writeValue(text, out);
  return out.text();
}

/** In need of no escape anywhere. */
const plain = /^[\w./+-]*$/;

/** Of a value's spaces only the leading ones would be skipped. */
function writeValue(text: string, out: TextWriter): void {
  if (plain.test(text)) return out.write(text);
  const afterSpaces = text.search(/[^ ]|$/);
  out.writeEscaped(text.slice(0, afterSpaces), inName);
  out.writeEscaped(text.slice(afterSpaces), inValue);
}

const named: Readonly<Record<string, string>> = { "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", "\\": "\\\\" };

const inValue = escapesOf(
  (character, unit) => named[character] ?? (unit < 0x20 || unit > 0x7e ? escapedUnit(unit) : undefined),
  escapedUnit,
);

/** Spaces, separators and comment signs end or begin a key. java.util.Properties, "load". */
const inName = escapesOf(
  (character, unit) => (" :=#!".includes(character) ? `\\${character}` : inValue.ascii[unit]),
  escapedUnit,
);
