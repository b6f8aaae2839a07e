import { ProviderError } from "../shared/errors.js";
import { type Json, type JsonObject, isJsonObject } from "../shared/json.js";
import { named, quoted } from "../shared/quoted.js";
import { Redacted } from "../shared/redacted.js";
import { goJson } from "../shared/go-json.js";
import { dockerConfigJson } from "./formats/docker-config-json.js";
import { dockerEnv, env } from "./formats/env.js";
import { textOf } from "./formats/members.js";
import { pemBundle, pemPart } from "./formats/pem-bundle.js";
import { properties } from "./formats/properties.js";
import { yaml } from "./formats/yaml.js";
import { spreadFiles } from "./spread-files.js";
import type { Encoding, Format, KeySelector, MountedFile, ObjectSpec, Spread } from "./mount-spec.js";

/** What an object is made from: Vault's whole answer, `null` where it had no body. */
export type AnswerBody = Redacted<JsonObject | null>;

/** The files of one object, made from its answer. Throws `not_found` for a key or value that is not there. */
export function filesOf(object: ObjectSpec, answer: AnswerBody, defaultMode: number): MountedFile[] {
  const body = answer.reveal();
  if (!body) {
    throw new ProviderError(
      "not_found",
      `Vault answered ${place(object)} without a body, so there is nothing to write`,
    );
  }
  if (object.spread) return spread(object, object.spread, body, defaultMode);
  const contents = contentsOf(object, body);
  return [{ path: object.objectName, mode: object.mode ?? defaultMode, contents: new Redacted(contents) }];
}

/** Each key's value in a file of its own; what is no text is JSON. */
function spread(object: ObjectSpec, how: Spread, body: JsonObject, defaultMode: number): MountedFile[] {
  const { secretKey, objectName, encoding, mode = defaultMode } = object;
  const where = secretKey ? `${nameOf(secretKey)} at ${place(object)}` : place(object);
  const data = secretKey ? valueAt(body, secretKey, object) : dataOf(body, object);
  if (!isJsonObject(data)) {
    throw new ProviderError("invalid_request", `${where} is no map, so it has no keys to make files of`);
  }
  return spreadFiles(objectName === "/" ? "" : objectName, data, how, where).map(({ key, path }) => ({
    path,
    mode,
    contents: new Redacted(decode(textOf(data[key] ?? null), encoding, object)),
  }));
}

function contentsOf(object: ObjectSpec, body: JsonObject): Buffer {
  const { secretKey, format = secretKey ? "raw" : "envelope" } = object;
  if (format === "raw" && secretKey) return decode(textOf(valueAt(body, secretKey, object)), object.encoding, object);
  if (format === "envelope" || format === "raw") return Buffer.from(envelope(body));
  if (!secretKey) return Buffer.from(inFormat[format](dataOf(body, object), place(object), true));
  const value = valueAt(body, secretKey, object);
  return Buffer.from(inFormat[format](value, `${nameOf(secretKey)} at ${place(object)}`, false));
}

/** The text of a file in each format: of all the data of a secret (`whole`), or of the one value that is asked for. */
const inFormat: Record<Exclude<Format, "raw" | "envelope">, (value: Json, place: string, whole: boolean) => string> = {
  json: goJson,
  env,
  "docker-env": dockerEnv,
  properties,
  yaml,
  dockerconfigjson: dockerConfigJson,
  "pem-bundle": (value, place, whole) =>
    whole && isJsonObject(value) ? pemBundle(value, place) : pemPart(value, place),
};

function dataOf(body: JsonObject, object: ObjectSpec): JsonObject {
  const data = body["data"];
  if (!isJsonObject(data)) throw new ProviderError("not_found", `${place(object)} holds no data`);
  return inner(data);
}

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

/** The wanted value, or where it is not there that of the key which is its default. */
function valueAt(body: JsonObject, selector: KeySelector, object: ObjectSpec): Json {
  const { fallback } = object;
  if (!fallback || !("key" in fallback)) return wantedAt(body, selector, object);
  try {
    return wantedAt(body, selector, object);
  } catch (error) {
    const data = body["data"];
    const other = isJsonObject(data) ? own(inner(data), fallback.key) : undefined;
    if (!other) throw error;
    return other.value;
  }
}

function wantedAt(body: JsonObject, selector: KeySelector, object: ObjectSpec): Json {
  const data = body["data"];
  if (!isJsonObject(data)) throw new ProviderError("not_found", `${place(object)} holds no data`);
  return "key" in selector ? keyOf(data, selector.key, object) : pointedAt(inner(data), selector.pointer, object);
}

/** A KV v2 answer nests the secret in `data.data`; like the Go provider we step into any object of that name. */
function inner(data: JsonObject): JsonObject {
  return isJsonObject(data["data"]) ? data["data"] : data;
}

function keyOf(data: JsonObject, key: string, object: ObjectSpec): Json {
  const secret = inner(data);
  const found = own(secret, key) ?? own(data, key);
  if (!found)
    throw new ProviderError("not_found", `no key ${quoted(key)} at ${place(object)} (it has: ${namesOf(secret)})`);
  return found.value;
}

function pointedAt(secret: JsonObject, steps: readonly string[], object: ObjectSpec): Json {
  let here: Json = secret;
  for (const [depth, step] of steps.entries()) {
    const found: { value: Json } | undefined = isJsonObject(here)
      ? own(here, step)
      : Array.isArray(here)
        ? element(here, step)
        : undefined;
    if (!found)
      throw new ProviderError(
        "not_found",
        `nothing at ${quoted(pointer(steps, depth))} in ${place(object)} (${holds(here)})`,
      );
    here = found.value;
  }
  return here;
}

/** Boxed, so that an explicit null is told from nothing. */
function own(holder: JsonObject, key: string): { value: Json } | undefined {
  return Object.hasOwn(holder, key) ? { value: holder[key] ?? null } : undefined;
}

function element(list: Json[], step: string): { value: Json } | undefined {
  if (!/^(0|[1-9]\d{0,9})$/.test(step)) return undefined;
  const value = list[Number(step)];
  return value === undefined ? undefined : { value };
}

function pointer(steps: readonly string[], depth: number): string {
  return steps
    .slice(0, depth + 1)
    .map((step) => `/${step.replaceAll("~", "~0").replaceAll("/", "~1")}`)
    .join("");
}

function nameOf(selector: KeySelector): string {
  return named("key" in selector ? selector.key : pointer(selector.pointer, selector.pointer.length));
}

function holds(value: Json): string {
  if (isJsonObject(value)) return `there is: ${namesOf(value)}`;
  return Array.isArray(value) ? `there is a list of ${value.length}` : "there is a single value";
}

/** Key names help the person who mistyped one; never a value, and never an unbounded list. */
function namesOf(holder: JsonObject): string {
  const names = Object.keys(holder).sort();
  const shown = names.slice(0, 20).map(named);
  return names.length === 0
    ? "no keys"
    : shown.join(", ") + (names.length > 20 ? `, and ${names.length - 20} more` : "");
}

function decode(text: string, encoding: Encoding, object: ObjectSpec): Buffer {
  switch (encoding) {
    case "utf-8":
      return Buffer.from(text);
    case "base64": {
      // Go's decoder skips line breaks and refuses what Node's would quietly leave out.
      const compact = text.replace(/[\r\n]/g, "");
      if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) throw undecodable(object);
      return Buffer.from(compact, "base64");
    }
    case "hex":
      if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) throw undecodable(object);
      return Buffer.from(text, "hex");
  }
}

function undecodable(object: ObjectSpec): ProviderError {
  return new ProviderError(
    "invalid_request",
    `the value at ${place(object)} is not valid ${object.encoding}; leave out encoding to write it as it is`,
  );
}

function place({ request }: ObjectSpec): string {
  return /^[\w./-]+$/.test(request.path) ? request.path : quoted(request.path);
}
