/** A number that keeps its digits (`LosslessNumber` of lossless-json). */
export interface JsonNumber {
  isLosslessNumber: true;
  toString(): string;
}

/** Parsed JSON in which every number keeps its digits. */
export type Json = null | boolean | string | JsonNumber | Json[] | JsonObject;

export interface JsonObject {
  [key: string]: Json;
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isJsonNumber(value);
}

export function isJsonNumber(value: Json | undefined): value is JsonNumber {
  return typeof value === "object" && value !== null && (value as { isLosslessNumber?: unknown }).isLosslessNumber === true;
}
