import { reads } from "../mount/credential-path.js";
import type { VaultRequest } from "../mount/mount-spec.js";
import type { FetchOptions } from "../mount/ports.js";
import type { AnswerBody } from "../mount/secret-value.js";
import { type Json, type JsonObject, isJsonNumber, isJsonObject } from "../shared/json.js";
import { isSameJson } from "../shared/same-json.js";
import { hangsOnToken } from "../vault/hangs-on-token.js";
import { type StoredToken, tokenReplacementAt } from "../vault/stored-token.js";
import type { LeaseRules } from "../vault/lease-rules.js";
import { type Standing, type Term, endOf, newTerm, renewalAt, replacementAt, standingAt } from "../vault/term.js";
import type { Lease, VaultAnswer } from "../vault/vault-client.js";
import { engineIn } from "./answer-engine.js";
import { recordedBytes } from "./answer-text.js";
import { answerLife, holdsToken, leewayMs } from "./answer-life.js";
import { isStored } from "./stored-secret.js";

/**
 * - `static`: no lease, by GET or LIST; read again when it is older than its reader allows.
 * - `leased`: has a lease id; lives as long as the lease and the token that created it.
 * - `issued`: created by the request (another method; a certificate or token by GET); another request would create another. A
 *   child token lives no longer than the token that created it, as a lease does.
 */
export type AnswerKind = "static" | "leased" | "issued";

/** A cached answer. Times are of `Clock.monotonic()`. */
export interface CachedSecret {
  readonly kind: AnswerKind;
  readonly body: AnswerBody;
  /** What it takes with its request (`heldBytes`): of memory; a credential, of its record where that is more. */
  readonly bytes: number;
  readonly readAt: number;
  /** When the engine rotates it by its own schedule: a static role's password. */
  readonly turnsAt?: number;
  /** Absent for static answers and for issued ones that never end. */
  term?: Term;
  readonly lease?: Lease;
  /** That asked; what hangs on it (`hangsOnToken`) dies with it. */
  readonly stored: StoredToken;
  /** Type of the engine, as Vault names it or as far as the answer tells (`engineIn`); `""` otherwise. */
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

/** It lives as long as its volume needs it, and is renewed or replaced; a static answer is read again. */
export function isCredential({ kind }: Pick<CachedSecret, "kind">): boolean {
  return kind !== "static";
}

/** How old answers may be. */
export type Ages = Pick<FetchOptions, "refreshIntervalMs" | "issuedIntervalMs" | "lifetimeMs">;

export interface AnswerTimes {
  /** Milliseconds since the epoch. */
  wall: number;
  monotonic: number;
  /** In [0, 1). */
  draw: number;
  rules: LeaseRules;
  /** As its reader says, for what has no lease. */
  lifetimeMs?: number | undefined;
}

/** Determines the kind of an answer and its term. */
export function answerOf(
  request: VaultRequest,
  reply: VaultAnswer,
  stored: StoredToken,
  { wall, monotonic, draw, rules, lifetimeMs = Infinity }: AnswerTimes,
): CachedSecret {
  const revealed = reply.body.reveal();
  const body = Buffer.isBuffer(revealed) || revealed === null ? {} : revealed;
  const { requestedAt, lease } = reply;
  const isOwn = !lease && !(reads(request) && isStored(request.path, body));
  const toldMs = isOwn ? answerLife(body, wall - (monotonic - requestedAt)) : undefined;
  const lifeMs = Math.min(toldMs ?? Infinity, lifetimeMs);
  const isIssued = isOwn && (!reads(request) || (request.method === "GET" && issues(body, toldMs, lifetimeMs)));
  const kind = lease ? "leased" : isIssued ? "issued" : "static";
  const durationMs = lease?.durationMs ?? (isIssued && lifeMs < Infinity ? lifeMs : undefined);
  const turnsIn = isOwn && !isIssued ? turn(body) : undefined;
  const renewable = lease !== undefined && lease.renewable && stored.usesLeft === Infinity;
  return {
    kind,
    body: reply.body,
    bytes: heldBytes(kind === "static" ? reply.bytes : Math.max(reply.bytes, recordedBytes(reply.body)), request),
    readAt: requestedAt,
    ...(turnsIn !== undefined && { turnsAt: requestedAt + turnsIn }),
    ...(durationMs !== undefined && { term: newTerm({ requestedAt, durationMs, renewable }, rules, draw) }),
    ...(lease && { lease }),
    stored,
    engine: engineIn(request.path, body),
    failures: 0,
    retryAt: 0,
    wasRenewed: false,
  };
}

/** What an answer takes whose body takes `bodyBytes` (of the heap: `jsonBytes`; of a record: `recordedBytes`), with its entry and request. */
export function heldBytes(bodyBytes: number, { path, query, args }: VaultRequest): number {
  const text = path.length + query.length + (args?.reveal().length ?? 0);
  return bodyBytes + Math.max(1024, 512 + 2 * text);
}

/** Whether a Mount should ask Vault again. `refreshFactor` multiplies the interval of static answers. */
export function isDue(
  answer: CachedSecret,
  { refreshIntervalMs, issuedIntervalMs = Infinity, lifetimeMs = Infinity }: Ages,
  now: number,
  leadMs: number,
  refreshFactor = 1,
): boolean {
  const { kind, readAt, turnsAt = Infinity } = answer;
  if (kind === "static") return now - readAt >= refreshIntervalMs * refreshFactor || now >= turnsAt;
  if (isDead(answer) || now >= replaceAt(answer, leadMs)) return true;
  return kind === "issued" && now - readAt >= Math.min(issuedIntervalMs, replacedFrom(lifetimeMs));
}

/** Whether both are static and of equal content. */
export function isSame(one: CachedSecret, other: CachedSecret): boolean {
  if (isCredential(one) || isCredential(other)) return false;
  if (one === other) return true;
  const [a, b] = [contentOf(one), contentOf(other)];
  return Buffer.isBuffer(a) || Buffer.isBuffer(b)
    ? Buffer.isBuffer(a) && Buffer.isBuffer(b) && a.equals(b)
    : isSameJson(a, b);
}

/** Whether it may still be delivered: static answers do not end for the pod that holds them, and Vault decides about others. */
export function isAlive(answer: CachedSecret, now: number): boolean {
  return !isDead(answer) && now < endsAt(answer) + leewayMs;
}

/** Whether Vault has declared it, or the token it depends on, dead. */
export function isDead(answer: CachedSecret): boolean {
  const { gone, stored } = answer;
  return gone === true || (dependsOnToken(answer) && (stored.state === "dead" || stored.usesLeft <= 0));
}

/** When it ends unless it is renewed, alone or with the token it depends on; `Infinity` for never. */
export function endsAt(answer: CachedSecret): number {
  const { term, stored } = answer;
  const own = term ? endOf(term) : Infinity;
  return dependsOnToken(answer) ? Math.min(own, endOf(stored.term)) : own;
}

/** When a Mount should replace it; `Infinity` while its end is not in sight. */
export function replaceAt(answer: CachedSecret, leadMs: number): number {
  const own = ownReplacementAt(answer, leadMs);
  return dependsOnToken(answer) ? Math.min(own, tokenReplacementAt(answer.stored, leadMs)) : own;
}

function dependsOnToken(answer: CachedSecret): boolean {
  return isCredential(answer) && hangsOnToken(answer);
}

/** Whatever becomes of its token. */
function ownReplacementAt({ kind, term }: CachedSecret, leadMs: number): number {
  if (!term) return Infinity;
  return kind === "issued" ? term.grantedAt + replacedFrom(term.grantedMs) : replacementAt(term, leadMs);
}

/** The age from which what was issued is replaced. */
function replacedFrom(lifeMs: number): number {
  return (lifeMs * 2) / 3;
}

/** Its state in its life cycle. */
export function standingOf(answer: CachedSecret, { leadMs, mountWithinMs }: LeaseRules, now: number): Standing {
  return standingAt(now, replaceAt(answer, leadMs), endsAt(answer), mountWithinMs);
}

/** When the renewal loop should renew it; `Infinity` if it cannot be renewed, or need not be any more. */
export function leaseRenewalAt(answer: CachedSecret): number {
  const { kind, term, retryAt } = answer;
  if (kind !== "leased" || !term || isDead(answer)) return Infinity;
  return Math.max(renewalAt(term), retryAt);
}

/** Whether a GET has issued what it answers: a certificate with its key, a token that ends, or what its reader says ends. */
function issues(body: JsonObject, toldMs: number | undefined, lifetimeMs: number): boolean {
  const data = body["data"];
  if (!isJsonObject(data) || isStaticRole(data)) return false;
  const isCertificate = ["certificate", "private_key", "serial_number"].every((key) => typeof data[key] === "string");
  return isCertificate || (toldMs !== undefined && holdsToken(body)) || lifetimeMs < Infinity;
}

/** The engine rotates it by its own schedule (database, LDAP, …). */
function isStaticRole(data: JsonObject): boolean {
  return "last_vault_rotation" in data;
}

/** Milliseconds until a static role's password is rotated, which the engine tells as `ttl` seconds, and a little more. */
function turn({ data }: JsonObject): number | undefined {
  if (!isJsonObject(data) || !isStaticRole(data)) return undefined;
  const ttl = data["ttl"];
  return isJsonNumber(ttl) && /^\d{1,10}$/.test(ttl.toString()) ? (Number(ttl.toString()) + 2) * 1000 : undefined;
}

/** What files are made of: less what differs in every answer, such as `request_id`, or the time left until a password turns. */
function contentOf({ body, turnsAt }: CachedSecret): Json | Buffer {
  const revealed = body.reveal();
  if (revealed === null || Buffer.isBuffer(revealed)) return revealed;
  const { data = null, warnings = null, auth = null, wrap_info = null } = revealed;
  const lasting = turnsAt !== undefined && isJsonObject(data) ? { ...data, ttl: null } : data;
  return [lasting, warnings, auth, wrap_info];
}
