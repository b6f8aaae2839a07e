import type { VaultRequest } from "../mount/mount-spec.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import type { Random } from "../shared/random.js";
import { backoff } from "../shared/backoff.js";
import { engineOf } from "../vault/engine.js";
import { authorityOver } from "../vault/lease-namespace.js";
import { isTransient } from "../vault/transient.js";
import { type StoredToken, hasEnded, tokenRenewalAt } from "../vault/stored-token.js";
import type { Journal } from "../vault/journal.js";
import type { TokenStore } from "../vault/token-store.js";
import type { LeaseRules } from "../vault/lease-rules.js";
import { endOf, renewed, unrenewable } from "../vault/term.js";
import { livenessOf } from "../vault/token-liveness.js";
import type { Caller, Lease, VaultClient } from "../vault/vault-client.js";
import { VaultError, requestedWait } from "../vault/vault-error.js";
import { type CachedSecret, endsAt, isAlive, isDead, leaseRenewalAt, standingOf } from "./cached-secret.js";
import type { CredentialEvent } from "./credential-event.js";
import type { CacheEntry } from "./cache-entry.js";
import type { SecretCache } from "./secret-cache.js";
import { type RenewalGroup, RenewalSlots } from "./renewal-slots.js";

export interface RenewalLoopParts {
  cache: SecretCache;
  tokens: TokenStore;
  client: VaultClient;
  clock: Clock;
  random: Random;
  rules: LeaseRules;
  journal: Journal;
  emit: (event: CredentialEvent) => void;
}

/** One renewal that is due. */
interface Due {
  /** Compared by identity: a renewal is not started twice at once. */
  what: StoredToken | CachedSecret;
  stored: StoredToken;
  group: RenewalGroup;
  endsAt: number;
  renew: (signal: AbortSignal) => Promise<void>;
}

/**
 * Renews tokens and leases as long as they are in use. It never logs in and never replaces a credential: that needs the
 * pod's own token, which only a Mount brings. What ends soonest comes first; what failed before comes last.
 */
export class RenewalLoop {
  readonly #parts: RenewalLoopParts;
  readonly #underWay = new Map<StoredToken | CachedSecret, Promise<void>>();
  readonly #slots = new RenewalSlots();
  readonly #announced = new WeakSet<CachedSecret>();
  /** What was due in this tick and waits for another to end. */
  #waiting: Due[] = [];

  constructor(parts: RenewalLoopParts) {
    this.#parts = parts;
  }

  /** Starts what is due, without waiting for it; call it every second or so. The signal ends what it starts. */
  tick(signal: AbortSignal): void {
    const now = this.#parts.clock.monotonic();
    this.#waiting = this.#due(now).sort(byUrgency);
    this.#startWaiting(signal);
    for (const entry of this.#parts.cache.entries()) if (entry.answer) this.#announce(entry, entry.answer, now);
  }

  /** Resolves when nothing that was started is under way any more. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay.values());
  }

  #due(now: number): Due[] {
    const { tokens, cache } = this.#parts;
    const due: Due[] = [];
    for (const stored of tokens.current()) {
      if (now < tokenRenewalAt(stored) || hasEnded(stored, now)) continue;
      const renew = (signal: AbortSignal) => tokens.renew(stored, signal);
      due.push({ what: stored, stored, group: groupOfToken(stored), endsAt: endOf(stored.term), renew });
    }
    for (const entry of cache.entries()) {
      const { answer } = entry;
      if (!answer?.lease || now < leaseRenewalAt(answer) || !isAlive(answer, now)) continue;
      const { lease, stored } = answer;
      const renew = (signal: AbortSignal) => this.#renewLease(entry, answer, lease, signal);
      due.push({ what: answer, stored, group: groupOfLease(stored, entry.request), endsAt: endsAt(answer), renew });
    }
    return due.filter(({ what, stored }) => !this.#underWay.has(what) && cache.isInUse(stored.ownerKey, now));
  }

  /** Starts as many as may be under way; the others keep waiting. */
  #startWaiting(signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#waiting = this.#waiting.filter((due) => {
      if (!this.#slots.take(due.group)) return true;
      this.#start(due, signal);
      return false;
    });
  }

  #start(due: Due, signal: AbortSignal): void {
    const work = due
      .renew(signal)
      .catch(() => undefined) // Only the signal causes this.
      .finally(() => {
        this.#underWay.delete(due.what);
        this.#slots.release(due.group, due.what.failures > 0);
        this.#startWaiting(signal);
      });
    this.#underWay.set(due.what, work);
  }

  async #renewLease(entry: CacheEntry, answer: CachedSecret, lease: Lease, signal: AbortSignal): Promise<void> {
    const { client, emit, journal } = this.#parts;
    const { stored, term } = answer;
    if (!term) return;
    const caller: Caller = { ...stored.caller, priority: "renewal" };
    try {
      const on = authorityOver(stored, entry.request.path, lease.id);
      const grant = await client.renewLease(stored.connection, on, lease.id, term.askMs, caller, signal);
      answer.term = renewed(term, grant);
      answer.failures = 0;
      answer.wasRenewed = true;
      emit({ kind: "leaseRenewed", entry, answer });
    } catch (reason) {
      signal.throwIfAborted();
      await this.#refused(entry, answer, ProviderError.from(reason), signal);
    }
    void journal.persist(entry.ownerKey);
  }

  async #refused(entry: CacheEntry, answer: CachedSecret, error: ProviderError, signal: AbortSignal): Promise<void> {
    const { client, tokens, emit } = this.#parts;
    if (error instanceof VaultError && error.kind === "lease_gone") {
      answer.gone = true;
      emit({ kind: "leaseGone", entry, answer });
      return;
    }
    const { stored, wasRenewed } = answer;
    const asked = { allowedBefore: wasRenewed, priority: "renewal" } as const;
    const liveness = await livenessOf({ client, stored, error, ...asked }, signal);
    if (liveness === "dead") return tokens.died(stored);
    if (liveness instanceof ProviderError || isTransient(error)) this.#putOff(answer, error);
    else if (answer.term) answer.term = unrenewable(answer.term);
    emit({ kind: "leaseNotRenewed", entry, answer, error });
  }

  #putOff(answer: CachedSecret, error: ProviderError): void {
    const { clock, random } = this.#parts;
    const now = clock.monotonic();
    answer.failures += 1;
    answer.retryAt = now + backoff(answer.failures, endsAt(answer) - now, random(), requestedWait(error));
  }

  /** Half of the time in which a Mount may replace it is over. */
  #announce(entry: CacheEntry, answer: CachedSecret, now: number): void {
    const standing = standingOf(answer, this.#parts.rules, now);
    if (standing !== "ending" || isDead(answer) || this.#announced.has(answer)) return;
    this.#announced.add(answer);
    this.#parts.emit({ kind: "endsUnreplaced", entry, answer, leftMs: Math.max(0, endsAt(answer) - now) });
  }
}

/** What has just failed waits for what has not been tried. */
function byUrgency(a: Due, b: Due): number {
  const failed = ({ what }: Due) => Number(what.failures > 0);
  return failed(a) - failed(b) || a.endsAt - b.endsAt;
}

function groupOfToken({ connection, vaultNamespace, authMount }: StoredToken): RenewalGroup {
  const method = `${vaultNamespace} auth/${authMount}`;
  return { pool: `tokens of ${connection.name}`, engine: method, path: method };
}

function groupOfLease({ connection, vaultNamespace }: StoredToken, { path }: VaultRequest): RenewalGroup {
  return { pool: `leases of ${connection.name}`, engine: `${vaultNamespace}/${engineOf(path)}`, path };
}
