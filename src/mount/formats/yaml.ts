import { escapesOf } from "../../shared/escapes.js";
import { writeGoJson } from "../../shared/go-json.js";
import { type Json, isJsonObject } from "../../shared/json.js";
import { escapedUnit } from "../../shared/shown-text.js";
import { TextWriter } from "../../shared/text-writer.js";
import { namesIn } from "./members.js";

/**
 * YAML in blocks, sorted. Every text is in double quotes, as JSON has it, so that no reader, of YAML 1.1 or 1.2, takes one
 * for a number, a date or a truth; numbers keep their digits. Throws the writer's error where it is longer than the writer
 * takes: indentation alone may make it so.
 */
export function yaml(value: Json, out: TextWriter = new TextWriter()): string {
  writeValue(value, "", { inline: "", block: "" }, out);
  out.write("\n");
  return out.text();
}

/** What stands before a value: before one on the same line, and before the first line of a block. */
interface Lead {
  inline: string;
  block: string;
}

function writeValue(value: Json, indent: string, lead: Lead, out: TextWriter): void {
  const names = isJsonObject(value) ? namesIn(value) : [];
  if (Array.isArray(value) && value.length > 0) {
    writeLines(value, indent, lead, out, (item) => writeItem(item, indent, out));
  } else if (isJsonObject(value) && names.length > 0) {
    writeLines(names, indent, lead, out, (name) => writeMember(name, value[name] ?? null, indent, out));
  } else {
    out.write(lead.inline);
    writeInline(value, out);
  }
}

function writeLines<T>(
  items: readonly T[],
  indent: string,
  lead: Lead,
  out: TextWriter,
  write: (item: T) => void,
): void {
  for (const [index, item] of items.entries()) {
    out.write(index === 0 ? lead.block : `\n${indent}`);
    write(item);
  }
}

/** A block in a list begins on the line of its dash. */
function writeItem(item: Json, indent: string, out: TextWriter): void {
  out.write("-");
  writeValue(item, `${indent}  `, { inline: " ", block: " " }, out);
}

function writeMember(name: string, value: Json, indent: string, out: TextWriter): void {
  if (plainName.test(name) && !otherMeaning.test(name)) out.write(name);
  else writeQuoted(name, out);
  out.write(":");
  const inner = `${indent}  `;
  writeValue(value, inner, { inline: " ", block: `\n${inner}` }, out);
}

const plainName = /^[A-Za-z_][\w.-]*$/;

/** To YAML 1.1 these are no texts. */
const otherMeaning = /^(y|n|yes|no|on|off|true|false|null)$/i;

/** A single value, or a map or list without members. */
function writeInline(value: Json, out: TextWriter): void {
  if (typeof value === "string") writeQuoted(value, out);
  else writeGoJson(value, out);
}

/** JSON's form, and what YAML takes for a line break or has no place for, escaped as well. */
function writeQuoted(text: string, out: TextWriter): void {
  out.writeEscaped(JSON.stringify(text.toWellFormed()), escapes);
}

const [del, lastOfC1] = [0x7f, 0x9f];
const unprintable: ReadonlySet<number> = new Set([0x2028, 0x2029, 0xfeff, 0xfffe, 0xffff]);

const escapes = escapesOf(
  (_character, unit) => (unit === del ? escapedUnit(unit) : undefined),
  (unit) => (unit <= lastOfC1 || unprintable.has(unit) ? escapedUnit(unit) : undefined),
);
