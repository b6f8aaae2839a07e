import { type Json, type JsonObject, isJsonNumber, isJsonObject } from "../shared/json.js";
import { Redacted } from "../shared/redacted.js";
import type { HttpAnswer } from "./response-reader.js";
import { isRawAnswer } from "./raw-answer.js";
import type { MountFinding } from "./path-hint.js";
import type { Grant, Lease, VaultToken } from "./vault-client.js";
import { VaultError } from "./vault-error.js";
import { TooManyValues, parseExactJson } from "../shared/exact-json.js";

/** An answer with its body parsed. */
export interface VaultReply {
  status: number;
  headers: HttpAnswer["headers"];
  bytes: number;
  /** `null`: there was none. `undefined`: it is no JSON object, so it is not an answer of Vault. */
  body: JsonObject | null | undefined;
  /** What an engine answers raw with (`pki/ca/pem`): `body` is `undefined` then, and `null` where it has nothing (204). */
  raw?: Redacted<Buffer>;
  /** It was not read, for there are more than `mostValues` in it. */
  tooManyValues?: true;
  /** What is no JSON, to recognise a server by; never shown. */
  text?: Redacted<string>;
}

/**
 * Names and values: a map of five thousand keys, a list of ten thousand. More than any secret has; Vault 1.21 itself
 * accepts at most 10,000 in a map (`max_json_object_entry_count`). Reading and writing so many takes a moment in
 * which no other request is served.
 */
export const mostValues = 10_240;

export function readReply(answer: HttpAnswer): VaultReply {
  const { status, headers, body } = answer;
  const reply = { status, headers, bytes: body.length };
  const raw = isRawAnswer(answer) ? { raw: new Redacted(wholeBuffer(body)) } : undefined;
  if (body.length === 0) return { ...reply, body: null, ...raw };
  if (raw) return { ...reply, body: undefined, ...raw };
  const json = parsed(body);
  if (json instanceof TooManyValues) return { ...reply, body: undefined, tooManyValues: true };
  if (isJsonObject(json)) return { ...reply, body: json };
  return { ...reply, body: undefined, text: new Redacted(body.toString("latin1", 0, 200)) };
}

function parsed(body: Buffer): Json | undefined | TooManyValues {
  try {
    return parseExactJson(body, mostValues);
  } catch (reason) {
    if (reason instanceof TooManyValues) return reason;
    throw reason;
  }
}

/** A lease id is the request's path and some thirty characters; paths are 1,024 bytes at most. It is kept, and sent back. */
const longestLeaseId = 4_096;

/** The lease in an answer, if there is one: KV v1 sends an advisory duration without a lease id, which is none. */
export function leaseIn(body: JsonObject): Lease | undefined {
  const id = body["lease_id"];
  if (id === undefined || id === null || id === "") return undefined;
  if (typeof id !== "string") throw unreadable("a lease id that is no text");
  if (id.length > longestLeaseId) throw unreadable(`a lease id of ${id.length} characters`);
  return {
    id: new Redacted(id),
    renewable: body["renewable"] === true,
    durationMs: seconds(body["lease_duration"], "lease_duration"),
  };
}

/** What a login granted. Throws `protocol` when it is not what Vault's `auth` looks like. */
export function tokenIn(body: JsonObject | null, issuedAt: number): VaultToken {
  const auth = body?.["auth"];
  if (!isJsonObject(auth)) throw unreadable("a login without `auth`");
  const { client_token: secret, accessor, token_type: type, num_uses: uses } = auth;
  if (typeof secret !== "string" || !/^[\x21-\x7e]{1,8192}$/.test(secret)) throw unreadable("a login without a token");
  const ttlMs = seconds(auth["lease_duration"], "lease_duration");
  const useCount = uses === undefined || uses === null ? 0 : count(uses, "num_uses");
  return {
    secret: new Redacted(secret),
    accessor: typeof accessor === "string" ? accessor.slice(0, 256) : "",
    type: type === "batch" ? "batch" : "service",
    renewable: auth["renewable"] === true,
    issuedAt,
    ...(ttlMs > 0 && { ttlMs }),
    ...(useCount > 0 && { uses: useCount }),
  };
}

/** What `renew-self` granted: it answers like a login. Throws `protocol` when it does not. */
export function tokenGrantIn(body: JsonObject | null, requestedAt: number): Grant {
  const auth = body?.["auth"];
  if (!isJsonObject(auth)) throw unreadable("a renewal without `auth`");
  return grantOf(auth, requestedAt);
}

/** What `sys/leases/renew` granted. */
export function leaseGrantIn(body: JsonObject | null, requestedAt: number): Grant {
  return grantOf(body ?? {}, requestedAt);
}

/**
 * The mount that `sys/internal/ui/mounts/PATH` names; its path is a beginning of the one that was asked about. Where that
 * begins with a Vault namespace, Vault 1.21 and OpenBao name the mount from the root namespace on, older ones in its own.
 * Throws `protocol` for a mount that the path is not below.
 */
export function mountIn(body: JsonObject | null, vaultNamespace: string, below: string): MountFinding {
  const data = body?.["data"];
  const { path, type, options } = isJsonObject(data) ? data : {};
  if (typeof path !== "string" || !path.endsWith("/")) throw unreadable("no mount");
  const root = vaultNamespace === "" ? "" : `${vaultNamespace}/`;
  const inNamespace = root !== "" && path.startsWith(root) && !`${below}/`.startsWith(path);
  const named = inNamespace ? path.slice(root.length) : path;
  const at = named === "" ? -1 : `/${below}/`.indexOf(`/${named}`);
  if (at < 0) throw unreadable("a mount of another path");
  const mount = { found: "mount", path: below.slice(0, at + named.length - 1) } as const;
  if (type !== "kv" && type !== "generic") return mount;
  return { ...mount, kv: isJsonObject(options) && options["version"] === "2" ? 2 : 1 };
}

function grantOf(granted: JsonObject, requestedAt: number): Grant {
  return {
    requestedAt,
    durationMs: seconds(granted["lease_duration"], "lease_duration"),
    renewable: granted["renewable"] === true,
  };
}

function seconds(value: Json | undefined, field: string): number {
  return count(value, field) * 1000;
}

/** Go's durations end at 292 years, ten digits of seconds. */
function count(value: Json | undefined, field: string): number {
  if (!isJsonNumber(value) || !/^\d{1,10}$/.test(value.toString())) throw unreadable(`a ${field} that makes no sense`);
  return Number(value.toString());
}

function unreadable(what: string): VaultError {
  return new VaultError("protocol", `Vault's answer cannot be used: it holds ${what}`);
}

/** As large in memory as it is long: what it was received into is up to twice that. */
function wholeBuffer(body: Buffer): Buffer {
  if (body.buffer.byteLength === body.length) return body;
  const whole = Buffer.allocUnsafeSlow(body.length);
  body.copy(whole);
  return whole;
}
