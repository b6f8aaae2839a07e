import { randomBytes } from "node:crypto";
import { LosslessNumber } from "lossless-json";
import type { Json, JsonObject } from "./json.js";
import { type JsonStyle, writeJson } from "./json-writing.js";
import { TextWriter } from "./text-writer.js";

/** Deeper than anything a person stores, far shallower than the stack. */
const maxDepth = 256;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Unknown to every author of a text, for it never leaves this module; short, for the digits of a long number keep it in memory. */
const mark = randomBytes(9).toString("base64url");

/**
 * Parses JSON such as Vault sends: every number keeps its digits, of duplicate keys the last counts as in Go's encoding/json,
 * `__proto__` is a key like any other. Gives `undefined` for what is no JSON text: bad UTF-8, cut off, nested too deep.
 * Throws `TooManyValues` for more than `mostValues` names and values, nearly: each takes time and memory.
 *
 * The engine's own parser does the work, since answers are held: lossless-json's joins strings character by character,
 * which keeps thirty bytes of memory for each.
 */
export function parseExactJson(bytes: Buffer, mostValues = Number.POSITIVE_INFINITY): Json | undefined {
  try {
    const text = markNumbers(utf8.decode(bytes), mostValues);
    if (text === undefined) return undefined;
    return unmarked(JSON.parse(text) as Json | number);
  } catch (reason) {
    if (reason instanceof TooManyValues) throw reason;
    return undefined; // The parser's message would quote the text, and the text is secret.
  }
}

/** The JSON text that `parseExactJson` reads as this value again. Escapes nothing that JSON lets stand. */
export function exactJson(value: Json): string {
  const out = new TextWriter();
  writeJson(value, out, exactStyle);
  return out.text();
}

const exactStyle: JsonStyle = {
  writeString: (text, out) => out.write(JSON.stringify(text)),
  inOrder: (keys) => keys,
};

const [space, quote, backslash, comma, colon, minus, zero, nine] = [0x20, 0x22, 0x5c, 0x2c, 0x3a, 0x2d, 0x30, 0x39];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];

const numberRun = /[-+.\deE]+/y;
const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** There are more values in it than the caller takes. */
export class TooManyValues extends Error {}

/**
 * The text with each number as `"<mark><digits>"`, but for whole ones that the parser reads exactly; `undefined` where one is
 * malformed, or the nesting too deep.
 */
function markNumbers(text: string, mostValues: number): string | undefined {
  const pieces: string[] = [];
  let taken = 0;
  let depth = 0;
  let values = 1;
  let numbers = 0;
  let isNumberBefore = false;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === colon && isNumberBefore) return undefined; // Marked, it would be a name.
    if (unit > space) isNumberBefore = false;
    if (unit === quote) at = endOfString(text, at);
    else if (unit === comma || unit === colon) {
      values += 1;
      if (values > mostValues) throw new TooManyValues();
    } else if (unit === openBrace || unit === openBracket) {
      depth += 1;
      if (depth > maxDepth) return undefined;
    } else if (unit === closeBrace || unit === closeBracket) depth -= 1;
    else if (unit === minus || isDigit(unit)) {
      const end = endOfExactWhole(text, at);
      if (end !== undefined) {
        at = end - 1;
        continue;
      }
      numberRun.lastIndex = at;
      const digits = numberRun.exec(text)![0];
      numbers += 1;
      // Without a separator between them, they are of no JSON text, however many follow.
      if (numbers > values || !number.test(digits)) return undefined;
      pieces.push(text.slice(taken, at), `"${mark}${digits}"`);
      at += digits.length - 1;
      taken = at + 1;
      isNumberBefore = true;
    }
  }
  pieces.push(text.slice(taken));
  return pieces.join("");
}

/** More digits than these a double may not hold. */
const exactDigits = 15;
/** A number that goes on with one of them is not whole, or no number at all. */
const continues = new Set([..."+-.eE"].map((sign) => sign.charCodeAt(0)));

/** Where the whole number that begins at `start` ends, if its digits are those of the double that it is read as. */
function endOfExactWhole(text: string, start: number): number | undefined {
  let end = start;
  while (isDigit(text.charCodeAt(end)) && end - start <= exactDigits) end += 1;
  const isWhole = end > start && end - start <= exactDigits && (text.charCodeAt(start) !== zero || end - start === 1);
  return isWhole && !continues.has(text.charCodeAt(end)) ? end : undefined;
}

function isDigit(unit: number): boolean {
  return unit >= zero && unit <= nine;
}

/** Where the string that begins at `start` ends; the text's end where it does not, which the parser refuses. */
function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(at - 1 - backslashes) === backslash) backslashes += 1;
    if (backslashes % 2 === 0) return at;
  }
  return text.length;
}

/** Those that nearly every answer has (a version, a count of seconds), once for all: answers are held by the thousand. */
const smallWholes = Array.from({ length: 128 }, (_, whole) => Object.freeze(new LosslessNumber(String(whole))));

/** Whether a number is one of those, which take no memory of an answer's. */
export function isShared(number: LosslessNumber): boolean {
  return smallWholes[Number(number.value)] === number;
}

/** The value with each number, and each marked text, as the number it stands for; what is in it is replaced in place. */
function unmarked(value: Json | number): Json {
  if (typeof value === "number") return smallWholes[value] ?? new LosslessNumber(String(value));
  if (typeof value === "string") return value.startsWith(mark) ? new LosslessNumber(value.slice(mark.length)) : value;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at += 1) value[at] = unmarked(value[at]!);
    return value;
  }
  const members = value as JsonObject;
  for (const key in members) {
    const member = members[key]!;
    const real = unmarked(member);
    if (real !== member) members[key] = real;
  }
  return value;
}
