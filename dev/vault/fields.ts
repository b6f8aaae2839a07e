import { LosslessNumber } from "lossless-json";
import { parseDuration } from "../../src/shared/duration.js";
import { badRequest, type Data } from "./answer.js";

/** A request's field as text; numbers and booleans are taken as written. Absent or null: "". */
export function text(body: Data, name: string): string {
  const value = body[name];
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  if (typeof value === "boolean" || typeof value === "number" || value instanceof LosslessNumber) return String(value);
  throw badRequest(`Field validation failed: error converting input for field "${name}": expected type 'string'`);
}

/** A list, or text with commas in between, as Vault takes both. */
export function list(body: Data, name: string): string[] {
  const value = body[name];
  if (Array.isArray(value)) return value.map((_, index) => text({ ...value }, String(index)));
  return text(body, name)
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

export function flag(body: Data, name: string, otherwise = false): boolean {
  const value = text(body, name);
  return value === "" ? otherwise : value === "true" || value === "1";
}

/** Seconds, from a number, digits, or a duration as Go writes it. Absent: 0. */
export function seconds(body: Data, name: string): number {
  const value = text(body, name);
  if (value === "") return 0;
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : parseDuration(value);
  if (ms === undefined) {
    throw badRequest(
      `Field validation failed: error converting input for field "${name}": time: invalid duration "${value}"`,
    );
  }
  return Math.floor(ms / 1_000);
}

export function whole(body: Data, name: string): number {
  const value = text(body, name);
  if (value === "") return 0;
  if (/^-?\d+$/.test(value)) return Number(value);
  throw badRequest(
    `Field validation failed: error converting input for field "${name}": cannot parse '' as int: strconv.ParseInt: parsing "${value}": invalid syntax`,
  );
}

/** Seconds as Vault's warnings write them: `10h`, `1h30m`, `18s`. */
export function shortDuration(total: number): string {
  const parts = [
    [Math.floor(total / 3_600), "h"],
    [Math.floor((total % 3_600) / 60), "m"],
    [total % 60, "s"],
  ] as const;
  const said = parts.filter(([amount]) => amount > 0).map(([amount, unit]) => `${amount}${unit}`);
  return said.join("") || "0s";
}
