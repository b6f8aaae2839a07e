import { ProviderError } from "../shared/errors.js";
import { type Json, type JsonObject, isJsonObject } from "../shared/json.js";
import { named, quoted } from "../shared/quoted.js";
import { Redacted } from "../shared/redacted.js";
import { goJson, writeGoJson } from "../shared/go-json.js";
import { strictBase64 } from "../shared/strict-base64.js";
import type { TextWriter } from "../shared/text-writer.js";
import { fileWriter } from "./response-size.js";
import { dockerConfigJson } from "./formats/docker-config-json.js";
import { dockerEnv, env, kubeEnv } from "./formats/env.js";
import { textOf } from "./formats/members.js";
import { pemBundle, pemPart } from "./formats/pem-bundle.js";
import { properties } from "./formats/properties.js";
import { yaml } from "./formats/yaml.js";
import { filesOfKeys } from "./key-files.js";
import type { Encoding, Format, MountedFile, ObjectSpec, KeyFiles, RecursiveRead, VaultRequest } from "./mount-spec.js";
import { type AnswerBody, type AnswerTo, bodyIn, dataIn, locationOf, subjectOf } from "./secret-value.js";

/** What files are made on the spot with. */
export interface FileContext {
  /** Bytes that fit one answer to the driver. */
  responseBytes: number;
}

/**
 * The files of one object that are made on the spot, from its answer. Throws `not_found` for a key or value that is not
 * there, `limit_exceeded` for a text that would fit no answer to the driver.
 */
export function filesOf(object: ObjectSpec, answer: AnswerBody, context: FileContext): MountedFile[] {
  const raw = answer.reveal();
  if (Buffer.isBuffer(raw) && isWrittenRaw(object)) return [fileOf(object, raw)];
  const body = bodyIn(answer, object.request);
  if (!object.keyFiles) return [fileOf(object, contentsOf(object, body, context))];
  const { value: data, location } = subjectOf(object, body);
  if (!isJsonObject(data))
    throw new ProviderError("invalid_request", `${location} is no map, so it has no keys to make files of`);
  return filesPerKey(object, object.keyFiles, valuesIn(data, object.request), location, context);
}

/** Whether a raw answer is the file as it is: nothing is asked of its inside. */
function isWrittenRaw({ secretKey, keyFiles, format = "raw" }: ObjectSpec): boolean {
  return !secretKey && !keyFiles && format === "raw";
}

/** The one file of an object that is no folder. */
export function fileOf({ objectName, mode }: ObjectSpec, contents: Buffer): MountedFile {
  return { path: objectName, mode, contents: new Redacted(contents) };
}

/** The value of a key, and the request that its answer is to. */
interface KeyValue {
  value: Json;
  request: VaultRequest;
  hasSlash: boolean;
}

function valuesIn(data: JsonObject, request: VaultRequest, folder = ""): Map<string, KeyValue> {
  const valueOf = ([key, value = null]: [string, Json?]) =>
    [folder + key, { value, request, hasSlash: key.includes("/") }] as const;
  return new Map(Object.entries(data).map(valueOf));
}

/** Keys of all secrets of a recursive read, as many as one secret may have. */
const mostKeys = 10_000;

/**
 * The files of a recursive read: each key in one of its own, below the path of its secret. One that is gone since it was
 * listed has none. Throws what `answerTo` does, and as `filesOf`.
 */
export function filesOfSecrets(
  object: ObjectSpec,
  { path: root, secrets = new Map() }: RecursiveRead,
  answerTo: AnswerTo,
  context: FileContext,
): MountedFile[] {
  const location = locationOf({ path: `${root}/` });
  const values = new Map<string, KeyValue>();
  for (const [name, request] of secrets) {
    for (const [path, value] of valuesIn(dataOrNone(request, answerTo), request, `${name}/`)) {
      if (values.has(path))
        throw new ProviderError("invalid_request", `two keys below ${location} are both the file ${quoted(path)}`);
      values.set(path, value);
    }
    if (values.size > mostKeys)
      throw new ProviderError("limit_exceeded", `the secrets below ${location} have more than ${mostKeys} keys`);
  }
  return filesPerKey(object, object.keyFiles!, values, location, context);
}

function dataOrNone(request: VaultRequest, answerTo: AnswerTo): JsonObject {
  try {
    return dataIn(bodyIn(answerTo(request), request), request);
  } catch (reason) {
    if (ProviderError.from(reason).code === "not_found") return {};
    throw reason;
  }
}

/** Each key's value in a file of its own; what is no text is JSON. */
function filesPerKey(
  { objectName, mode, encoding }: ObjectSpec,
  how: KeyFiles,
  values: ReadonlyMap<string, KeyValue>,
  location: string,
  { responseBytes }: FileContext,
): MountedFile[] {
  const folder = objectName === "/" ? "" : objectName;
  let left = responseBytes;
  const hasSlash = (key: string) => values.get(key)!.hasSlash;
  return filesOfKeys(folder, values.keys(), how, location, hasSlash).map(({ key, path }) => {
    const { value, request } = values.get(key)!;
    const contents = decode(textOf(value, fileWriter(left)), encoding, `${named(key)} at ${locationOf(request)}`);
    left -= contents.length;
    return { path, mode, contents: new Redacted(contents) };
  });
}

function contentsOf(object: ObjectSpec, body: JsonObject, { responseBytes }: FileContext): Buffer {
  const out = fileWriter(responseBytes);
  const { secretKey, format = secretKey ? "raw" : "envelope" } = object;
  if (format === "pkcs12") throw new ProviderError("internal", "a keystore is made in the renderer");
  if (format === "envelope") return Buffer.from(envelope(body, out));
  const { value, location, whole } = subjectOf(object, body);
  return format === "raw"
    ? decode(textOf(value, out), object.encoding, location)
    : Buffer.from(inFormat[format](value, location, out, whole));
}

/** The text of a file in each format: of all the data of a secret (`whole`), or of the one value that is asked for. */
const inFormat: Record<
  Exclude<Format, "raw" | "envelope" | "pkcs12">,
  (value: Json, location: string, out: TextWriter, whole: boolean) => string
> = {
  json: (value, _location, out) => goJson(value, out),
  env,
  "docker-env": dockerEnv,
  "kube-env": kubeEnv,
  properties,
  yaml: (value, _location, out) => yaml(value, out),
  dockerconfigjson: dockerConfigJson,
  "pem-bundle": (value, location, _out, whole) =>
    whole && isJsonObject(value) ? pemBundle(value, location) : pemPart(value, location),
};

/** The answer as the Go provider writes it (`api.Secret`), less `request_id` and the lease fields, which change on every read. */
function envelope(body: JsonObject, out: TextWriter): string {
  const fields: [string, Json | undefined][] = [
    ["data", body["data"] ?? null],
    ["warnings", body["warnings"] ?? null],
    ["auth", body["auth"] ?? undefined],
    ["wrap_info", body["wrap_info"] ?? undefined],
    ["mount_type", body["mount_type"] || undefined],
  ];
  const written = fields.filter((field): field is [string, Json] => field[1] !== undefined);
  out.write("{");
  for (const [index, [name, value]] of written.entries()) {
    out.write(`${index > 0 ? "," : ""}"${name}":`);
    writeGoJson(value, out);
  }
  out.write("}");
  return out.text();
}

function decode(text: string, encoding: Encoding, location: string): Buffer {
  switch (encoding) {
    case "utf-8":
      return Buffer.from(text);
    case "base64":
    case "base64url": {
      const bytes = strictBase64(text, encoding);
      if (!bytes) throw undecodable(encoding, location);
      return bytes;
    }
    case "hex":
      if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) throw undecodable(encoding, location);
      return Buffer.from(text, "hex");
  }
}

function undecodable(encoding: Encoding, location: string): ProviderError {
  return new ProviderError(
    "invalid_request",
    `the value of ${location} is not valid ${encoding}; leave out encoding to write it as it is`,
  );
}
