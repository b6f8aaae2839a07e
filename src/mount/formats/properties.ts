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

/** Spaces, separators and comment signs end or begin a key. java.util.Properties, "load". */
function escapeInName(unit: number): string | undefined {
  return separators.get(unit) ?? escapeOf(unit);
}

const [space, tilde] = [0x20, 0x7e];

const separators: ReadonlyMap<number, string> = new Map(
  [" ", ":", "=", "#", "!"].map((character) => [character.charCodeAt(0), `\\${character}`]),
);

const controls: ReadonlyMap<number, string> = new Map(
  Object.entries({ "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", "\\": "\\\\" }).map(([character, escape]) => [
    character.charCodeAt(0),
    escape,
  ]),
);

function escapeOf(unit: number): string | undefined {
  if (unit < space || unit > tilde) return controls.get(unit) ?? escapedUnit(unit);
  return controls.get(unit);
}
