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

/**
 * Whether an answer that is no success is Vault's: it lists texts in `errors` (`http/handler.go` respondError), or is a whole
 * answer of an engine (`sdk/logical` RespondWithStatusCode: KV's deleted version, transit's batch). A gateway, a mesh or an API
 * server before Vault refuses with other JSON, or with nothing; that says nothing of a token, a lease or a secret.
 */
export function isVaults(body: JsonObject | null | undefined): body is JsonObject {
  if (!body) return false;
  const { errors } = body;
  if (Array.isArray(errors)) return errors.slice(0, mostErrors).every((error) => typeof error === "string");
  return typeof body["lease_id"] === "string";
}

/** Whether one of them holds a text, which is in lower case. */
export function saidIn(errors: readonly string[]): (text: string) => boolean {
  return (text) => errors.some((error) => error.toLowerCase().includes(text));
}
