import { ProviderError } from "../../shared/errors.js";
import { goJson } from "../../shared/go-json.js";
import { type Json, type JsonObject, isJsonObject } from "../../shared/json.js";

/** A map's names and texts, sorted by name: strings as they are, everything else as JSON. `place` names the map in errors. */
export function membersOf(value: Json, format: string, place: string): [name: string, text: string][] {
  if (!isJsonObject(value)) {
    throw new ProviderError(
      "invalid_request",
      `${place} is no map, which format: ${format} is made of; leave it out to write the value as it is`,
    );
  }
  return namesIn(value).map((name) => [name, textOf(value[name] ?? null)]);
}

/** Sorted, so that equal data is equal bytes. */
export function namesIn(map: JsonObject): string[] {
  return Object.keys(map).sort();
}

/** As the Go provider writes a value. */
export function textOf(value: Json): string {
  return typeof value === "string" ? value : goJson(value);
}
