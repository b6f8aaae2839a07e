import type { Json } from "../../shared/json.js";
import { escapedUnit } from "../../shared/shown-text.js";
import { TextWriter } from "../../shared/text-writer.js";
import { membersOf, textOf } from "./members.js";

/** A Java properties file, in ASCII: java.util.Properties.load reads it back in every charset. */
export function properties(value: Json, location: string, out: TextWriter = new TextWriter()): string {
  for (const [name, member] of membersOf(value, "properties", location)) {
    out.writeEscaped(name, escapeInName);
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
  let leads = true;
  out.writeEscaped(text, (unit) => {
    leads &&= unit === space;
    return leads ? "\\ " : escapeOf(unit);
  });
}

const [space, tilde] = [0x20, 0x7e];

/** By the unit, for a table is read in a fifth of the time of a map. */
const valueEscapes = tableOf({ "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", "\\": "\\\\" });
/** Spaces, separators and comment signs end or begin a key. java.util.Properties, "load". */
const nameEscapes = tableOf(
  Object.fromEntries([" ", ":", "=", "#", "!"].map((sign) => [sign, `\\${sign}`])),
  valueEscapes,
);

function tableOf(
  escapes: Readonly<Record<string, string>>,
  base: readonly (string | undefined)[] = [],
): readonly (string | undefined)[] {
  return Array.from({ length: tilde + 1 }, (_, unit) => {
    const otherwise = unit < space ? escapedUnit(unit) : undefined;
    return escapes[String.fromCharCode(unit)] ?? base[unit] ?? otherwise;
  });
}

function escapeOf(unit: number): string | undefined {
  return unit > tilde ? escapedUnit(unit) : valueEscapes[unit];
}

function escapeInName(unit: number): string | undefined {
  return unit > tilde ? escapedUnit(unit) : nameEscapes[unit];
}
