import { ProviderError } from "../../shared/errors.js";
import { goJson } from "../../shared/go-json.js";
import { type Json, type JsonObject, isJsonObject } from "../../shared/json.js";
import type { TextWriter } from "../../shared/text-writer.js";

/** A map's names and values, sorted by name. `location` names the map in errors. */
export function membersOf(value: Json, format: string, location: string): [name: string, value: Json][] {
  if (!isJsonObject(value)) {
    throw new ProviderError(
      "invalid_request",
      `${location} is no map, which format: ${format} is made of; leave it out to write the value as it is`,
    );
  }
  return namesIn(value).map((name) => [name, value[name] ?? null]);
}

/** Sorted, so that equal data is equal bytes. */
export function namesIn(map: JsonObject): string[] {
  return Object.keys(map).sort();
}

/** As the Go provider writes a value: a string as it is, everything else as JSON. Throws what `out` does. */
export function textOf(value: Json, out?: TextWriter): string {
  return typeof value === "string" ? value : goJson(value, out);
}
