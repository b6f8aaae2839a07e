import { ProviderError } from "../shared/errors.js";
import { type Json, type JsonObject, isJsonObject } from "../shared/json.js";
import { Redacted } from "../shared/redacted.js";
import { goJson } from "../shared/go-json.js";
import { strictBase64 } from "../shared/strict-base64.js";
import { dockerConfigJson } from "./formats/docker-config-json.js";
import { dockerEnv, env } from "./formats/env.js";
import { textOf } from "./formats/members.js";
import { pemBundle, pemPart } from "./formats/pem-bundle.js";
import { properties } from "./formats/properties.js";
import { yaml } from "./formats/yaml.js";
import { spreadFiles } from "./spread-files.js";
import type { Format, MountedFile, ObjectSpec, Spread } from "./mount-spec.js";
import { type AnswerBody, bodyIn, placeOf, subjectOf } from "./secret-value.js";

/** The files of one object that are made on the spot, from its answer. Throws `not_found` for a key or value that is not there. */
export function filesOf(object: ObjectSpec, answer: AnswerBody, defaultMode: number): MountedFile[] {
  const body = bodyIn(answer, object.request);
  if (object.spread) return spread(object, object.spread, body, defaultMode);
  return [fileOf(object, contentsOf(object, body), defaultMode)];
}

/** The one file of an object that is no folder. */
export function fileOf({ objectName, mode }: ObjectSpec, contents: Buffer, defaultMode: number): MountedFile {
  return { path: objectName, mode: mode ?? defaultMode, contents: new Redacted(contents) };
}

/** Each key's value in a file of its own; what is no text is JSON. */
function spread(object: ObjectSpec, how: Spread, body: JsonObject, defaultMode: number): MountedFile[] {
  const { objectName, mode = defaultMode } = object;
  const { value: data, place } = subjectOf(object, body);
  if (!isJsonObject(data)) {
    throw new ProviderError("invalid_request", `${place} is no map, so it has no keys to make files of`);
  }
  return spreadFiles(objectName === "/" ? "" : objectName, data, how, place).map(({ key, path }) => ({
    path,
    mode,
    contents: new Redacted(decode(textOf(data[key] ?? null), object)),
  }));
}

function contentsOf(object: ObjectSpec, body: JsonObject): Buffer {
  const { secretKey, format = secretKey ? "raw" : "envelope" } = object;
  if (format === "pkcs12") throw new ProviderError("internal", "a keystore is made in the workshop");
  if (format === "envelope") return Buffer.from(envelope(body));
  const { value, place, whole } = subjectOf(object, body);
  return format === "raw" ? decode(textOf(value), object) : Buffer.from(inFormat[format](value, place, whole));
}

/** The text of a file in each format: of all the data of a secret (`whole`), or of the one value that is asked for. */
const inFormat: Record<
  Exclude<Format, "raw" | "envelope" | "pkcs12">,
  (value: Json, place: string, whole: boolean) => string
> = {
  json: goJson,
  env,
  "docker-env": dockerEnv,
  properties,
  yaml,
  dockerconfigjson: dockerConfigJson,
  "pem-bundle": (value, place, whole) =>
    whole && isJsonObject(value) ? pemBundle(value, place) : pemPart(value, place),
};

/** The answer as the Go provider writes it (`api.Secret`), less `request_id` and the lease fields, which change on every read. */
function envelope(body: JsonObject): string {
  const fields: [string, Json | undefined][] = [
    ["data", body["data"] ?? null],
    ["warnings", body["warnings"] ?? null],
    ["auth", body["auth"] ?? undefined],
    ["wrap_info", body["wrap_info"] ?? undefined],
    ["mount_type", body["mount_type"] || undefined],
  ];
  const written = fields.filter((field): field is [string, Json] => field[1] !== undefined);
  return `{${written.map(([name, value]) => `"${name}":${goJson(value)}`).join(",")}}`;
}

function decode(text: string, object: ObjectSpec): Buffer {
  switch (object.encoding) {
    case "utf-8":
      return Buffer.from(text);
    case "base64": {
      const bytes = strictBase64(text);
      if (!bytes) throw undecodable(object);
      return bytes;
    }
    case "hex":
      if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) throw undecodable(object);
      return Buffer.from(text, "hex");
  }
}

function undecodable(object: ObjectSpec): ProviderError {
  return new ProviderError(
    "invalid_request",
    `the value at ${placeOf(object.request)} is not valid ${object.encoding}; leave out encoding to write it as it is`,
  );
}
