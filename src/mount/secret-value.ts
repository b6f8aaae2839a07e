import { ProviderError } from "../shared/errors.js";
import { type Json, type JsonObject, isJsonObject } from "../shared/json.js";
import { named, namesThereAre, quoted } from "../shared/quoted.js";
import type { Redacted } from "../shared/redacted.js";
import { jsonFormOf } from "./raw-path.js";
import type { KeySelector, ObjectSpec, VaultRequest } from "./mount-spec.js";

/** What an object is made from: Vault's whole answer, the bytes of a raw one, `null` where it had no body. */
export type AnswerBody = Redacted<JsonObject | Buffer | null>;

/** The answer to a request of an object's. Throws what kept it from coming. */
export type AnswerTo = (request: VaultRequest) => AnswerBody;

/** The answer's fields. Throws `invalid_request` where it has none: that is no absence, which a 404 tells. */
export function bodyIn(answer: AnswerBody, request: VaultRequest): JsonObject {
  const body = answer.reveal();
  if (Buffer.isBuffer(body)) throw hasNoFields(request);
  if (body) return body;
  throw new ProviderError(
    "invalid_request",
    `Vault answered ${locationOf(request)} without a body, so there is nothing to write`,
  );
}

function hasNoFields(request: VaultRequest): ProviderError {
  const json = jsonFormOf(request.path);
  const other = json ? `; for its fields, read ${json.path} (secretKey: ${json.key})` : "";
  return new ProviderError(
    "invalid_request",
    `${locationOf(request)} answers with one text or binary, not JSON: leave out secretKey and format to write it as it is${other}`,
  );
}

/** The secret in an answer: its `data`, or where that nests another, as KV v2 does, that one. Throws `not_found`. */
export function dataIn(body: JsonObject, request: VaultRequest): JsonObject {
  return inner(dataField(body, request));
}

/**
 * What KV v2 says of a secret beside its `data` (version, times, the owner's `custom_metadata`), less what is null: that is
 * missing. `null` for other secrets.
 */
export function metadataIn({ data }: JsonObject): JsonObject | null {
  const metadata = isJsonObject(data) && isJsonObject(data["data"]) ? data["metadata"] : undefined;
  if (!isJsonObject(metadata)) return null;
  return Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== null));
}

/** The wanted value. Throws `not_found`, and says what there is instead. */
export function valueIn(body: JsonObject, selector: KeySelector, request: VaultRequest): Json {
  const data = dataField(body, request);
  if ("key" in selector) return keyIn(data, selector.key, request);
  const secret = inner(data);
  // A key may begin with a slash, and is meant then.
  const exact = own(secret, pointer(selector.pointer, selector.pointer.length));
  return exact ? exact.value : pointedAt(secret, selector.pointer, request);
}

/** The wanted value, or where it is not there that of the key which is its default. */
function valueOrDefault(
  body: JsonObject,
  selector: KeySelector,
  { request, fallback }: Pick<ObjectSpec, "request" | "fallback">,
): Json {
  if (!fallback || !("key" in fallback)) return valueIn(body, selector, request);
  try {
    return valueIn(body, selector, request);
  } catch (error) {
    const data = body["data"];
    const other = isJsonObject(data) ? own(inner(data), fallback.key) : undefined;
    if (!other) throw error;
    return other.value;
  }
}

/** What of an answer an object is about: the value it asks for, else the whole secret, and how messages name where it is. */
export function subjectOf(object: ObjectSpec, body: JsonObject): { value: Json; location: string; whole: boolean } {
  const { secretKey, request } = object;
  const location = locationOf(request);
  if (!secretKey) return { value: dataIn(body, request), location, whole: true };
  return {
    value: valueOrDefault(body, secretKey, object),
    location: `${selectorName(secretKey)} at ${location}`,
    whole: false,
  };
}

/** How messages name where an answer is from. */
export function locationOf({ path }: Pick<VaultRequest, "path">): string {
  return /^[\w./-]+$/.test(path) ? path : quoted(path);
}

function selectorName(selector: KeySelector): string {
  return named("key" in selector ? selector.key : pointer(selector.pointer, selector.pointer.length));
}

function dataField(body: JsonObject, request: VaultRequest): JsonObject {
  const data = body["data"];
  if (!isJsonObject(data)) throw new ProviderError("invalid_request", `${locationOf(request)} answers without data`);
  return data;
}

/** A KV v2 answer nests the secret in `data.data`; like the Go provider we step into any object of that name. */
function inner(data: JsonObject): JsonObject {
  return isJsonObject(data["data"]) ? data["data"] : data;
}

function keyIn(data: JsonObject, key: string, request: VaultRequest): Json {
  const secret = inner(data);
  const found = own(secret, key) ?? own(data, key);
  if (!found)
    throw new ProviderError(
      "not_found",
      `no key ${quoted(key)} at ${locationOf(request)} (it has: ${namesThereAre(Object.keys(secret))})`,
    );
  return found.value;
}

function pointedAt(secret: JsonObject, steps: readonly string[], request: VaultRequest): Json {
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
        `nothing at ${quoted(pointer(steps, depth))} in ${locationOf(request)} (${holds(here)})`,
      );
    here = found.value;
  }
  return here;
}

/** Boxed, to distinguish an explicit null from nothing. */
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

function holds(value: Json): string {
  if (isJsonObject(value)) return `there is: ${namesThereAre(Object.keys(value))}`;
  return Array.isArray(value) ? `there is a list of ${value.length}` : "there is a single value";
}
