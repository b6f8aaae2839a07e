import { z } from "zod";
import type { Connection } from "../config/connection.js";
import type { VaultRequest } from "../mount/mount-spec.js";
import { parseExactJson } from "../shared/exact-json.js";
import { goJson } from "../shared/go-json.js";
import { type JsonObject, isJsonObject } from "../shared/json.js";
import { Redacted } from "../shared/redacted.js";
import { isKv2 } from "./stored-secret.js";

/** A sealed copy of a KV secret, as the index knows it. */
export interface OfflineCopy {
  readonly id: string;
  readonly connection: Connection;
  readonly vaultNamespace: string;
  /** Of the pods; see `Principal.accountKey`. */
  readonly accountKey: string;
  /** Kubernetes namespace: the unit of fairness. */
  readonly namespace: string;
  readonly path: string;
  /** When Vault was asked last for the set that it is of, the first of the set; `Clock.monotonic()`. */
  readAt: number;
  /** The `readAt` of the set by which its content was new here; 0 where a record does not tell. */
  readonly changedAt: number;
  /** The `readAt` of its record. */
  readonly writtenAt: number;
  /** Of the state directory. */
  readonly bytes: number;
  /** Of its secret; empty where a record does not tell. */
  readonly digest: string;
}

const record = z.object({
  id: z.string(),
  connection: z.object({ name: z.string(), origins: z.array(z.string()) }),
  vaultNamespace: z.string(),
  accountKey: z.string(),
  namespace: z.string(),
  path: z.string(),
  readAt: z.number(),
  changedAt: z.number().default(0),
  digest: z.string().default(""),
  body: z.string(),
});

/** A page of the file system, which the smallest file takes. */
const pageBytes = 4096;
/** What sealing adds. */
const sealBytes = 64;

/** Bytes that a record of this payload takes of the state directory. */
export function recordBytes(payload: Redacted<Buffer>): number {
  return Math.ceil((payload.reveal().length + sealBytes) / pageBytes) * pageBytes;
}

/** A copy and its secret, as bytes; they hold the secret. */
export function writeCopy(copy: Omit<OfflineCopy, "bytes" | "writtenAt">, body: JsonObject): Redacted<Buffer> {
  const { id, connection, vaultNamespace, accountKey, namespace, path, readAt, changedAt, digest } = copy;
  const { name, addresses } = connection;
  const written: z.output<typeof record> = {
    id,
    connection: { name, origins: addresses.map(({ origin }) => origin) },
    vaultNamespace,
    accountKey,
    namespace,
    path,
    readAt,
    changedAt,
    digest,
    body: goJson(body),
  };
  return new Redacted(Buffer.from(JSON.stringify(written)));
}

/** The secret in what `writeCopy` wrote for this copy; `undefined` for anything else, also an older record of it. */
export function bodyInCopy(
  payload: Redacted<Buffer>,
  { id, writtenAt }: Pick<OfflineCopy, "id" | "writtenAt">,
): JsonObject | undefined {
  const read = parsed(payload);
  if (!read || read.id !== id || read.readAt !== writtenAt) return undefined;
  const body = parseExactJson(Buffer.from(read.body));
  return isJsonObject(body) ? body : undefined;
}

/**
 * Reads what `writeCopy` wrote, without the secret. No copy where its connection is gone, keeps none any more, or leads to
 * other servers now; `undefined` for another format.
 */
export function readCopy(
  payload: Redacted<Buffer>,
  connections: readonly Connection[],
): { id: string; copy?: OfflineCopy } | undefined {
  const read = parsed(payload);
  if (!read) return undefined;
  const { body: _body, connection: of, ...rest } = read;
  const connection = connections.find(({ name }) => name === of.name);
  const { id, readAt } = rest;
  if (!connection?.offline || !connection.addresses.some(({ origin }) => of.origins.includes(origin))) return { id };
  return { id, copy: { ...rest, connection, writtenAt: readAt, bytes: recordBytes(payload) } };
}

function parsed(payload: Redacted<Buffer>): z.output<typeof record> | undefined {
  try {
    return record.safeParse(JSON.parse(payload.reveal().toString())).data;
  } catch {
    return undefined; // The parser's message would quote the text, and the text is secret.
  }
}

/**
 * Whether the answer is a secret of a KV engine, which stands until somebody writes another: Vault names the engine
 * (`mount_type`); where it does not, as OpenBao 2.6, the shape of KV version 2 tells.
 */
export function isKvSecret({ method }: VaultRequest, body: JsonObject): boolean {
  const { mount_type: engine, data, wrap_info: wrapped, auth } = body;
  if (method !== "GET" || wrapped || auth || !isJsonObject(data)) return false;
  return typeof engine === "string" && engine !== "" ? engine === "kv" : isKv2(data);
}
