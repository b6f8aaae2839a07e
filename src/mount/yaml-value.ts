import { LosslessNumber } from "lossless-json";
import type { Json, JsonObject } from "../shared/json.js";
import type { YamlNode, YamlScalar } from "./yaml-tree.js";

/** Whether Go's yaml.v3 reads nothing there, and so leaves a field as if it were not written. */
export function isNull(node: YamlNode): boolean {
  return (
    node.kind === "scalar" &&
    node.plain &&
    (node.tag === "null" || (!node.tag && /^(~|null|Null|NULL|)$/.test(node.text)))
  );
}

/** Characters of a number that is read as one: each of them costs the more, the more there are. */
export const longestNumber = 1_000;

/**
 * The integer a scalar stands for as Go's yaml.v3 reads it into a number: 0644 and 0o644 octal, 0x, 0b, 1_000, 420.0.
 * `undefined` for what it refuses: text in quotes, and anything else.
 */
export function integerOf(node: YamlScalar): bigint | undefined {
  if (node.text.length > longestNumber) return undefined;
  const number = numberOf(node);
  if (number === undefined) return undefined;
  if (/^-?\d+$/.test(number)) return BigInt(number);
  const value = Number(number);
  return Number.isSafeInteger(value) ? BigInt(value) : undefined;
}

/**
 * A node as the JSON that Go's provider would send for it, except that numbers keep their digits. A key is its text.
 * Throws a RangeError for a number JSON cannot hold (`.inf`, `.nan`) and one of more than 1,000 characters.
 */
export function jsonOf(node: YamlNode): Json {
  if (node.kind === "list") return node.items.map(jsonOf);
  if (node.kind === "map") return jsonObjectOf(node.entries.map(({ key, value }) => [key, jsonOf(value)]));
  if (isNull(node)) return null;
  const number = numberOf(node);
  if (number !== undefined) return new LosslessNumber(number);
  if (isPlain(node, "bool") && /^(true|True|TRUE)$/.test(node.text)) return true;
  if (isPlain(node, "bool") && /^(false|False|FALSE)$/.test(node.text)) return false;
  if (isPlain(node, "float") && /^[-+]?\.(inf|nan)$/i.test(node.text)) throw new RangeError("not a JSON number");
  return node.text;
}

/** Object.fromEntries makes own properties even of `__proto__`. */
function jsonObjectOf(entries: [string, Json][]): JsonObject {
  return Object.fromEntries(entries);
}

/** JSON text of the number a plain scalar stands for (resolve.go of yaml.v3). Throws a RangeError for one that is too long. */
function numberOf(node: YamlScalar): string | undefined {
  if (!isPlain(node, "int") && !isPlain(node, "float")) return undefined;
  if (node.text.length > longestNumber) {
    if (longNumber.test(node.text)) throw new RangeError("a number too long");
    return undefined;
  }
  const text = node.text.replaceAll("_", "");
  const [, sign, prefix, digits] = /^([-+]?)(0[xX]|0[oO]|0[bB]|0(?=\d))?([0-9a-fA-F]+)$/.exec(text) ?? [];
  if (digits !== undefined && /^[-+]?\d/.test(node.text)) {
    const value = wholeNumber(prefix, digits);
    if (value !== undefined) return `${sign === "-" && value !== 0n ? "-" : ""}${value}`;
  }
  if (!/^[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?$/.test(text)) return undefined;
  return jsonNumber(text);
}

/** Nearly what is tried below; it reads each character once. */
const longNumber = /^[-+]?(?=[.\d])(0[xX][\da-fA-F_]+|0[oObB][\d_]+|[\d_.]+([eE][-+]?[\d_]+)?)$/;

function wholeNumber(prefix: string | undefined, digits: string): bigint | undefined {
  const octal = /^[0-7]+$/.test(digits);
  switch (prefix?.toLowerCase()) {
    case "0x":
      return BigInt(`0x${digits}`);
    case "0o":
      return octal ? BigInt(`0o${digits}`) : undefined;
    case "0b":
      return /^[01]+$/.test(digits) ? BigInt(`0b${digits}`) : undefined;
    case "0":
      // Go reads 089, which is no octal number, as the float 89.
      return octal ? BigInt(`0o${digits}`) : decimal(digits);
    default:
      return decimal(digits);
  }
}

function decimal(digits: string): bigint | undefined {
  return /^\d+$/.test(digits) ? BigInt(digits) : undefined;
}

/** `+1.50` → `1.50`, `.5` → `0.5`, `5.` → `5`, `007.5` → `7.5`. */
function jsonNumber(text: string): string {
  return text
    .replace(/^\+/, "")
    .replace(/^(-?)0+(?=\d)/, "$1")
    .replace(/^(-?)\./, "$10.")
    .replace(/\.(?=$|[eE])/, "");
}

/** Whether the scalar may be of that core type: plain and untagged, or tagged so. */
function isPlain(node: YamlScalar, type: string): boolean {
  return node.tag === undefined ? node.plain : node.tag === type;
}
