import type { JsonObject } from "../shared/json.js";

/** Vault tells one or two things; its engines' own texts that are known are much shorter than that. */
const mostErrors = 10;
const mostCharacters = 300;

/**
 * What Vault's `errors` say, for comparing: the first ten texts, without space around them, of 300 characters each (one more
 * tells that it was cut). So comparisons have a bounded cost for every answer.
 */
export function errorsIn(body: JsonObject | null | undefined): string[] {
  const errors = body?.["errors"];
  if (!Array.isArray(errors)) return [];
  return errors
    .slice(0, mostErrors)
    .filter((error) => typeof error === "string")
    .map((error) => error.trim().slice(0, mostCharacters + 1));
}
