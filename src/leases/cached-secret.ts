import { X509Certificate } from "node:crypto";
import type { VaultRequest } from "../mount/mount-spec.js";
import type { AnswerBody } from "../mount/secret-value.js";
import { type JsonObject, isJsonNumber, isJsonObject } from "../shared/json.js";
import { type StoredToken, tokenReplacementAt } from "../vault/stored-token.js";
import { type Standing, type Term, endOf, newTerm, renewalAt, replacementAt, standingAt } from "../vault/term.js";
import type { Lease, VaultAnswer } from "../vault/vault-client.js";

/**
 * - `static`: no lease, by GET or LIST; read again when it is older than its reader allows.
 * - `leased`: has a lease id; lives as long as the lease and the token that created it.
 * - `issued`: created by the request (another method, a certificate); another request would create another.
 */
export type AnswerKind = "static" | "leased" | "issued";

/** A cached answer. Times are of `Clock.monotonic()`. */
export interface CachedSecret {
  readonly kind: AnswerKind;
  readonly body: AnswerBody;
  /** Of memory, as `heldBytes` computes, with the arguments of its request. */
  readonly bytes: number;
  readonly readAt: number;
  /** 0.9 to 1.1, drawn once: spreads the refreshes of answers read together. */
  readonly refreshFactor: number;
  /** When the engine rotates it by its own schedule: a static role's password. */
  readonly turnsAt?: number;
  /** Absent for static answers and for issued ones that never end. */
  term?: Term;
  readonly lease?: Lease;
  /** That asked; a lease dies with its token. */
  readonly stored: StoredToken;
  /** Type of the engine, if Vault names it (`mount_type`); `""` otherwise. */
  readonly engine: string;
  /** Vault no longer knows the lease. */
  gone?: boolean;
  /** Renewals that failed in a row. */
  failures: number;
  /** The earliest time of the next renewal. */
  retryAt: number;
  /** Whether policy allows the token to renew it. */
  wasRenewed: boolean;
}

/** A local margin: Vault decides when a credential is dead, and our clock may be off by this much. */
const leewayMs = 5 * 60_000;

/** Determines the kind of an answer and its term. `draw` is in [0, 1). */
export function answerOf(
  request: VaultRequest,
  reply: VaultAnswer,
  stored: StoredToken,
  { wall, monotonic, draw, maxOrphanMs }: { wall: number; monotonic: number; draw: number; maxOrphanMs: number },
): CachedSecret {
  const revealed = reply.body.reveal();
  const body = Buffer.isBuffer(revealed) ? null : revealed;
  const { requestedAt, lease } = reply;
  const kind = lease ? "leased" : makes(request, body) ? "issued" : "static";
  const durationMs = lease ? lease.durationMs : certificateLife(body, wall - (monotonic - requestedAt));
  const turnsIn = kind === "static" ? turn(body) : undefined;
  const renewable = lease !== undefined && lease.renewable && stored.usesLeft === Infinity;
  return {
    kind,
    body: reply.body,
    bytes: heldBytes(reply.bytes, request),
    readAt: requestedAt,
    refreshFactor: 0.9 + 0.2 * draw,
    ...(turnsIn !== undefined && { turnsAt: requestedAt + turnsIn }),
    ...(kind !== "static" &&
      durationMs !== undefined && { term: newTerm({ requestedAt, durationMs, renewable }, maxOrphanMs, draw) }),
    ...(lease && { lease }),
    stored,
    engine: engineOf(body),
    failures: 0,
    retryAt: 0,
    wasRenewed: false,
  };
}

/** The heap bytes of an answer whose parsed body takes `bodyBytes` (`jsonBytes`), with its entry and request. */
export function heldBytes(bodyBytes: number, { path, query, args }: VaultRequest): number {
  const text = path.length + query.length + (args?.reveal().length ?? 0);
  return bodyBytes + Math.max(1024, 512 + 2 * text);
}

/** Whether a Mount should ask Vault again. */
export function isDue(answer: CachedSecret, refreshIntervalMs: number, now: number, leadMs: number): boolean {
  if (answer.kind === "static") {
    return now - answer.readAt >= refreshIntervalMs * answer.refreshFactor || now >= (answer.turnsAt ?? Infinity);
  }
  return isDead(answer) || now >= replaceAt(answer, leadMs);
}

/** Whether it may still be delivered: static answers do not end for the pod that holds them. */
export function isAlive(answer: CachedSecret, now: number): boolean {
  return !isDead(answer) && now < endsAt(answer) + leewayMs;
}

/** Whether Vault has declared it, or the token it depends on, dead. */
export function isDead({ kind, gone, stored }: CachedSecret): boolean {
  return gone === true || (kind === "leased" && (stored.state === "dead" || stored.usesLeft <= 0));
}

/** When it ends unless it is renewed, alone or with the token it depends on; `Infinity` for never. */
export function endsAt({ kind, term, stored }: CachedSecret): number {
  const own = term ? endOf(term) : Infinity;
  return kind === "leased" ? Math.min(own, endOf(stored.term)) : own;
}

/** When a Mount should replace it; `Infinity` while its end is not in sight. */
export function replaceAt({ kind, term, stored }: CachedSecret, leadMs: number): number {
  if (!term) return Infinity;
  if (kind === "issued") return term.grantedAt + (term.grantedMs * 2) / 3;
  return Math.min(replacementAt(term, leadMs), tokenReplacementAt(stored, leadMs));
}

/** Its state in its life cycle. */
export function standingOf(answer: CachedSecret, leadMs: number, now: number): Standing {
  return standingAt(now, replaceAt(answer, leadMs), endsAt(answer));
}

/** When the renewal loop should renew it; `Infinity` if it cannot be renewed, or need not be any more. */
export function leaseRenewalAt(answer: CachedSecret): number {
  const { kind, term, retryAt } = answer;
  if (kind !== "leased" || !term || isDead(answer)) return Infinity;
  return Math.max(renewalAt(term), retryAt);
}

function makes({ method }: VaultRequest, body: JsonObject | null): boolean {
  return (method !== "GET" && method !== "LIST") || isIssuedCertificate(body);
}

/** A certificate with its key, from an engine that says it is no KV store: there, it is data that a user stored. */
function isIssuedCertificate(body: JsonObject | null): boolean {
  const data = body?.["data"];
  const engine = body?.["mount_type"];
  if (!isJsonObject(data) || typeof engine !== "string" || engine === "" || engine === "kv") return false;
  return ["certificate", "private_key", "serial_number"].every((key) => typeof data[key] === "string");
}

/**
 * Milliseconds from the request to NotAfter: PKI says it as `expiration` in Unix seconds; else the certificate does. One
 * made just now has its life before it, and no more than it says: where our clock tells otherwise, the clock is wrong,
 * and every Mount would issue another, or keep an ended one.
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

/**
 * Milliseconds until the engine rotates a static role's password by itself, and a little more: it says so as `ttl` seconds
 * beside `last_vault_rotation` (database, LDAP, …); a KV secret may hold such keys, too, and means nothing by them.
 */
function turn(body: JsonObject | null): number | undefined {
  const data = body?.["data"];
  if (!isJsonObject(data) || !("last_vault_rotation" in data) || engineOf(body) === "kv") return undefined;
  const ttl = data["ttl"];
  return isJsonNumber(ttl) && /^\d{1,10}$/.test(ttl.toString()) ? (Number(ttl.toString()) + 2) * 1000 : undefined;
}

function engineOf(body: JsonObject | null): string {
  const engine = body?.["mount_type"];
  return typeof engine === "string" && /^[\w.-]{1,64}$/.test(engine) ? engine : "";
}

function datesOf(pem: string): { notBefore: number; notAfter: number } | undefined {
  try {
    const { validFrom, validTo } = new X509Certificate(pem);
    return { notBefore: Date.parse(validFrom), notAfter: Date.parse(validTo) };
  } catch {
    return undefined; // Not a certificate: an answer without an end.
  }
}
