import { LosslessNumber } from "lossless-json";
import { goString } from "../../src/shared/go-json.js";

/**
 * JSON text as Go's encoder writes it: `<`, `>` and `&` escaped, numbers with the digits they came with. Go sorts the
 * keys of maps and keeps the order of structs; `sorted` says which the value is.
 */
export function goJson(value: unknown, sorted = true): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "string") return goString(value);
  if (typeof value === "number" || typeof value === "boolean") return JSON.stringify(value);
  if (value instanceof LosslessNumber) return value.toString();
  if (Array.isArray(value)) return `[${value.map((item) => goJson(item, sorted)).join(",")}]`;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  if (sorted) entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${goString(key)}:${goJson(item, sorted)}`).join(",")}}`;
}
