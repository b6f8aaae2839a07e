import { X509Certificate } from "node:crypto";
import type { VaultRequest } from "../mount/mount-spec.js";
import type { AnswerBody } from "../mount/secret-file.js";
import { type JsonObject, isJsonNumber, isJsonObject } from "../shared/json.js";
import type { Lease, VaultAnswer, VaultToken } from "../vault/vault-client.js";

/**
 * - `static`: no lease, by GET or LIST; read again when it is older than its reader wishes.
 * - `leased`: has a lease id; lives as long as the lease and the token that made it.
 * - `issued`: made by the asking (another method, a certificate); asking again would make another.
 */
export type AnswerKind = "static" | "leased" | "issued";

/** An answer as it is held. Times are of `Clock.monotonic()`. */
export interface Answer {
  kind: AnswerKind;
  body: AnswerBody;
  /** Of memory, as `heldBytes` reckons. */
  bytes: number;
  readAt: number;
  /** 0.9 to 1.1, drawn once: spreads the refreshes of answers read together. */
  refreshFactor: number;
  /** Absent for static answers and for issued ones that never end. */
  life?: { replaceAt: number; endsAt: number };
  lease?: Lease;
  /** The token that asked; a lease dies with it. */
  token: VaultToken;
}

/** Only local: Vault decides when a credential is dead, our clock may be off by this much. */
const leewayMs = 5 * 60_000;

/** Understands what kind of answer it is, and how long it lives. `draw` is in [0, 1). */
export function answerOf(
  request: VaultRequest,
  reply: VaultAnswer,
  token: VaultToken,
  { wall, monotonic, draw }: { wall: number; monotonic: number; draw: number },
): Answer {
  const body = reply.body.reveal();
  const lifeMs = reply.lease
    ? Math.min(reply.lease.durationMs, tokenLeft(token, reply.requestedAt))
    : certificateLife(body, wall - (monotonic - reply.requestedAt));
  const kind = reply.lease ? "leased" : makes(request, body) ? "issued" : "static";
  return {
    kind,
    body: reply.body,
    bytes: heldBytes(reply.bytes),
    readAt: reply.requestedAt,
    refreshFactor: 0.9 + 0.2 * draw,
    ...(kind !== "static" &&
      lifeMs !== undefined && {
        life: { replaceAt: reply.requestedAt + (lifeMs * 2) / 3, endsAt: reply.requestedAt + lifeMs },
      }),
    ...(reply.lease && { lease: reply.lease }),
    token,
  };
}

/** What a parsed body of so many bytes takes of the heap, entry and all: measured at up to 1.8 of its size and 1 KiB. */
export function heldBytes(bodyBytes: number): number {
  return 2 * bodyBytes + 1024;
}

/** Whether a Mount should ask Vault again. */
export function isDue(answer: Answer, refreshIntervalMs: number, now: number): boolean {
  if (answer.kind === "static") return now - answer.readAt >= refreshIntervalMs * answer.refreshFactor;
  return answer.life !== undefined && now >= answer.life.replaceAt;
}

/** Whether it may still be delivered: static answers have no end for the pod that holds them. */
export function isAlive(answer: Answer, now: number): boolean {
  return answer.life === undefined || now < answer.life.endsAt + leewayMs;
}

function tokenLeft(token: VaultToken, now: number): number {
  return token.ttlMs === undefined ? Number.POSITIVE_INFINITY : Math.max(0, token.issuedAt + token.ttlMs - now);
}

function makes({ method }: VaultRequest, body: JsonObject | null): boolean {
  return (method !== "GET" && method !== "LIST") || isIssuedCertificate(body);
}

/** A certificate with its key, from an engine that says it is no KV store: there, it is data that somebody put. */
function isIssuedCertificate(body: JsonObject | null): boolean {
  const data = body?.["data"];
  const engine = body?.["mount_type"];
  if (!isJsonObject(data) || typeof engine !== "string" || engine === "" || engine === "kv") return false;
  return ["certificate", "private_key", "serial_number"].every((key) => typeof data[key] === "string");
}

/**
 * Milliseconds from the request to NotAfter: PKI says it as `expiration` in Unix seconds; else the certificate does. One
 * made just now has its life before it, and no more than it says: where our clock tells otherwise, the clock is wrong,
 * and every Mount would have another made, or an ended one be kept.
 */
function certificateLife(body: JsonObject | null, requestedAtWall: number): number | undefined {
  const data = body?.["data"];
  if (!isJsonObject(data) || typeof data["certificate"] !== "string") return undefined;
  const expiration = data["expiration"];
  const dates = datesOf(data["certificate"]);
  const notAfter = isJsonNumber(expiration) ? Number(expiration.toString()) * 1000 : dates?.notAfter;
  if (notAfter === undefined || !Number.isFinite(notAfter)) return undefined;
  const left = Math.max(0, notAfter - requestedAtWall);
  if (!dates) return left;
  const span = dates.notAfter - dates.notBefore;
  return left < Math.min(leewayMs, span / 10) ? span : Math.min(left, span);
}

function datesOf(pem: string): { notBefore: number; notAfter: number } | undefined {
  try {
    const { validFrom, validTo } = new X509Certificate(pem);
    return { notBefore: Date.parse(validFrom), notAfter: Date.parse(validTo) };
  } catch {
    return undefined; // Not a certificate after all: an answer without an end.
  }
}
