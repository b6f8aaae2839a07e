import { escapedText } from "../mount/formats/properties.js";
import { parseExactJson } from "../shared/exact-json.js";
import { shellQuoted } from "../shared/shell-quoted.js";
import { strictBase64 } from "../shared/strict-base64.js";
import { type TemplateValue, jsonOf, templateValue, textOf } from "./template-data.js";
import { FilterMistake } from "./template-mistake.js";

type Filter = (value: unknown, ...more: unknown[]) => unknown;

/** Filters of Liquid's that a file must not depend on: chance, and what would leave out our own writing of values. */
export const removedFilters = ["sample", "raw", "inspect", "jsonify"] as const;

/** Ours, beside Liquid's own or in their place. `docs/parameters.md` explains each. */
export const filters: Readonly<Record<string, Filter>> = {
  json: (value, indent) => jsonOf(value, indent === undefined ? undefined : widthOf(indent)),
  from_json: (value) => fromJson(textOf(value)),
  base64_encode: (value) => Buffer.from(textOf(value)).toString("base64"),
  base64_decode: (value) => decoded(textOf(value)),
  shell_quote: (value) => shellQuoted(withoutNul(textOf(value), "shell_quote")),
  properties_escape: (value) => escapedText(textOf(value)),
  pgpass_escape: (value) => oneLine(textOf(value), "pgpass_escape").replace(/[\\:]/g, "\\$&"),
  percent_encode: (value) => percentEncoded(textOf(value)),
  indent: (value, width = 2) => textOf(value).replace(/\n(?=[^\n])/g, `\n${" ".repeat(widthOf(width))}`),
};

function widthOf(width: unknown): number {
  if (typeof width === "number" && Number.isInteger(width) && width >= 0 && width <= 64) return width;
  throw new FilterMistake("indent takes a whole number of spaces, up to 64");
}

function fromJson(text: string): TemplateValue {
  const parsed = parseExactJson(Buffer.from(text));
  if (parsed === undefined) throw new FilterMistake("from_json was given what is not JSON");
  return templateValue(parsed);
}

/** Binary data is not for a text: it would be changed without a word. */
function decoded(text: string): string {
  const bytes = strictBase64(text);
  if (!bytes) throw new FilterMistake("base64_decode was given what is not valid base64");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new FilterMistake(
      "base64_decode gave what is not UTF-8; write it to a file of its own, with encoding: base64",
    );
  }
}

function withoutNul(text: string, filter: string): string {
  if (!text.includes("\0")) return text;
  throw new FilterMistake(`${filter} was given a NUL, for which there is no form`);
}

function oneLine(text: string, filter: string): string {
  if (!/[\r\n\0]/.test(text)) return text;
  throw new FilterMistake(`${filter} was given more than one line, for which there is no form`);
}

/** For any part of a URL (RFC 3986): all but letters, digits and `-._~`. */
function percentEncoded(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
