import { LosslessNumber } from "lossless-json";

/** Parsed JSON in which every number keeps its digits. */
export type Json = null | boolean | string | LosslessNumber | Json[] | JsonObject;

export interface JsonObject {
  [key: string]: Json;
}

export function isJsonNumber(value: Json | undefined): value is LosslessNumber {
  return value instanceof LosslessNumber;
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isJsonNumber(value);
}
