import type { LosslessNumber } from "lossless-json";
import { goJson } from "../../shared/go-json.js";
import { type Json, isJsonObject } from "../../shared/json.js";
import { unicodeEscape } from "../../shared/shown-text.js";
import { namesIn } from "./members.js";

/**
 * YAML in blocks, sorted. Every text is in double quotes, as JSON has it, so that no reader, of YAML 1.1 or 1.2, takes one
 * for a number, a date or a truth; numbers keep their digits.
 */
export function yaml(value: Json): string {
  return `${block(value, "").slice(1)}\n`;
}

/** What follows `key:` or `-`: a space and the value, or a line break and lines of its own. */
function block(value: Json, indent: string): string {
  if (Array.isArray(value)) {
    return value.length === 0
      ? " []"
      : value.map((item) => `\n${indent}-${nested(item, indent).replace(/^\n +/, " ")}`).join("");
  }
  if (isJsonObject(value)) {
    const names = namesIn(value);
    return names.length === 0
      ? " {}"
      : names.map((name) => `\n${indent}${nameOf(name)}:${nested(value[name] ?? null, indent)}`).join("");
  }
  return ` ${scalar(value)}`;
}

function nested(value: Json, indent: string): string {
  return block(value, `${indent}  `);
}

function nameOf(name: string): string {
  return plainName.test(name) && !otherMeaning.test(name) ? name : quotedText(name);
}

const plainName = /^[A-Za-z_][\w.-]*$/;

/** To YAML 1.1 these are no texts. */
const otherMeaning = /^(y|n|yes|no|on|off|true|false|null)$/i;

function scalar(value: null | boolean | string | LosslessNumber): string {
  return typeof value === "string" ? quotedText(value) : goJson(value);
}

/** JSON's form, and what YAML takes for a line break or has no place for, escaped as well. */
function quotedText(text: string): string {
  return JSON.stringify(text.toWellFormed()).replace(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g, unicodeEscape);
}
