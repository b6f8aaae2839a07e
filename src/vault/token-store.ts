import type { Connection } from "../config/connection.js";
import type { Principal } from "../mount/ports.js";
import { RetryGate } from "../shared/retry-gate.js";
import type { Clock } from "../shared/clock.js";
import type { RevokedTokens } from "../shared/credential-info.js";
import { ProviderError } from "../shared/errors.js";
import type { Random } from "../shared/random.js";
import { SingleFlight } from "../shared/single-flight.js";
import { SmallSet } from "../shared/small-set.js";
import { backoff } from "../shared/backoff.js";
import { isOutage, isTransient } from "./transient.js";
import {
  type StoredToken,
  endsRenewals,
  hasEnded,
  isLater,
  isUsable,
  moveTo,
  reloginAt,
  tokenReplacementAt,
} from "./stored-token.js";
import type { Journal } from "./journal.js";
import { jwtExpiry } from "./jwt-expiry.js";
import type { LeaseRules } from "./lease-rules.js";
import { type Term, endOf, newTerm, renewed, unrenewable } from "./term.js";
import { livenessOf } from "./token-liveness.js";
import type { Caller, VaultClient, VaultToken } from "./vault-client.js";
import { VaultError, requestedWait } from "./vault-error.js";
import type { TokenEvent } from "./vault-event.js";

export interface TokenStoreParts {
  client: VaultClient;
  clock: Clock;
  random: Random;
  emit: (event: TokenEvent) => void;
  rules: LeaseRules;
  journal: Journal;
  /** Whether anybody still has a use for a token of this key. */
  isNeeded: (ownerKey: string) => boolean;
  /** Aborts when the daemon stops: background revocations end with it. */
  lifetime: AbortSignal;
}

/** All that is known of one owner key. */
interface Owner {
  /** At most one is `current`; none is `dead`. */
  readonly tokens: SmallSet<StoredToken>;
  /** In [0, 1): this key's place in the queue of those who log in again after an outage. */
  readonly turn: number;
}

/** How a revocation went: a failed one is tried again (`later`), or left to the token's end (`never`). */
type Revocation = "revoked" | "later" | "never";

/** However long Vault asks us to leave it alone (`Retry-After`), a pod that waits for its files tries again after this. */
const longestRestMs = 30_000;
/** Of the failed logins remembered at once. */
const rememberedBytes = 2 << 20;
/** After an outage, those who can wait log in again over this long. */
const spreadMs = 5 * 60_000;

/** One current token for each owner key. Only a Mount logs in, with the JWT it brought; a JWT is never kept. */
export class TokenStore {
  readonly #parts: TokenStoreParts;
  /** By owner key. */
  readonly #owners = new Map<string, Owner>();
  readonly #logins = new SingleFlight<StoredToken>();
  readonly #attempts = new RetryGate<ProviderError>(rememberedBytes);
  readonly #outages = new Map<string, number>();
  readonly #revoking = new Map<StoredToken, Promise<Revocation>>();
  /** Auth mounts at which renewals end with the service account token: OpenBao 2.6.4 and 2.7.1 verify that it is still valid. */
  readonly #boundMounts = new Set<string>();
  /** Everything has been revoked: what a login brings now is revoked as well. */
  #closed = false;

  constructor(parts: TokenStoreParts) {
    this.#parts = parts;
  }

  /** How many there are that somebody needs. */
  get size(): number {
    return this.all().filter(({ state }) => state !== "leaving").length;
  }

  /**
   * A token that is fit for new work, in use until `release`: the current one, or a joined login's. One whose end is in
   * sight is replaced, or used on when the login fails. `mayWait` says that held answers are there, so that the login may
   * be put off after an outage. Throws the login's `VaultError`.
   */
  async open(principal: Principal, caller: Caller, mayWait: boolean, signal: AbortSignal): Promise<StoredToken> {
    const owner = this.#owner(principal.ownerKey);
    const current = currentOf(owner);
    if (current && this.#isFit(current)) return take(current);
    const standing = current && isUsable(current, this.#parts.clock.monotonic()) ? current : undefined;
    try {
      const stored = await this.#joinedLogin(principal, caller, owner, mayWait && !standing, signal);
      // Others who joined the login may have used it up.
      return stored.usesLeft > 0 ? take(stored) : await this.open(principal, caller, mayWait, signal);
    } catch (reason) {
      if (standing && standing.usesLeft > 0 && standing.state !== "dead" && !signal.aborted) return take(standing);
      throw reason;
    }
  }

  /**
   * A Mount brings a service account token. Where renewals end with that of the login, and this one ends later, the Vault token
   * is not renewed any more: it is replaced before its end, and what was leased with it.
   */
  offer({ ownerKey, jwt }: Principal): void {
    const { clock, rules } = this.#parts;
    const now = clock.monotonic();
    const owner = this.#owners.get(ownerKey);
    const current = owner && currentOf(owner);
    if (!current?.term.renewable || now < reloginAt(current, rules.leadMs)) return;
    const expiresAt = this.#boundMounts.has(mountOf(current)) ? jwtExpiry(jwt) : undefined;
    if (expiresAt === undefined || !isLater(now + expiresAt - clock.wall(), current)) return;
    current.term = unrenewable(current.term);
  }

  /** The request is over; a token that is not needed any more is revoked. */
  release(stored: StoredToken): void {
    stored.inUse -= 1;
    this.#revokeUnneeded(stored);
  }

  /** Vault says that the token is dead. */
  died(stored: StoredToken): void {
    if (!this.#remove(stored)) return;
    this.#parts.emit({ kind: "tokenDied", stored });
    void this.#parts.journal.persist(stored.ownerKey);
  }

  /** Nothing that somebody was given hangs on the token: it takes no new work, and is revoked once it is idle. */
  discard(stored: StoredToken): void {
    moveTo(stored, "retired");
    this.#revokeUnneeded(stored);
  }

  /** Those that requests are made with now; the replaced ones end by themselves. */
  *current(): Iterable<StoredToken> {
    for (const owner of this.#owners.values()) {
      const current = currentOf(owner);
      if (current) yield current;
    }
  }

  /**
   * Renews the token. A temporary failure sets the time of the retry; a token that Vault will not renew is not renewed again. A
   * token with `num_uses` is left alone: a renewal would be one use less. Throws only the signal's reason.
   */
  async renew(stored: StoredToken, signal: AbortSignal): Promise<void> {
    const { client, emit } = this.#parts;
    const caller: Caller = { ...stored.caller, priority: "renewal" };
    try {
      const grant = await client.renewSelf(stored.connection, stored, stored.term.askMs, caller, signal);
      stored.term = renewed(stored.term, grant);
      stored.failures = 0;
      stored.wasRenewed = true;
      emit({ kind: "tokenRenewed", stored });
    } catch (reason) {
      signal.throwIfAborted();
      await this.#renewalFailed(stored, ProviderError.from(reason), signal);
    }
    void this.#parts.journal.persist(stored.ownerKey);
  }

  /** Every token there is. */
  all(): StoredToken[] {
    return [...this.#owners.values()].flatMap(({ tokens }) => [...tokens]);
  }

  /** Those of an owner key, the current one first. */
  of(ownerKey: string): StoredToken[] {
    const tokens = [...(this.#owners.get(ownerKey)?.tokens ?? [])];
    return tokens.sort((a, b) => Number(b.state === "current") - Number(a.state === "current"));
  }

  /** The one with this secret, if it is here. */
  find(ownerKey: string, secret: string): StoredToken | undefined {
    return this.of(ownerKey).find(({ token }) => token.secret.reveal() === secret);
  }

  /** Takes up what an earlier process held, also where the key has logged in since, or is about to (`#elect`). */
  restore(ownerKey: string, tokens: readonly StoredToken[]): void {
    const now = this.#parts.clock.monotonic();
    const owner = this.#owner(ownerKey);
    for (const stored of tokens) {
      if (owner.tokens.has(stored) || stored.state === "dead" || hasEnded(stored, now)) continue;
      const current = currentOf(owner);
      owner.tokens.add(stored);
      if (this.#closed) moveTo(stored, "leaving");
      if (stored.state === "current" && current) this.#elect(stored, current);
    }
    for (const stored of owner.tokens) this.#revokeUnneeded(stored);
  }

  /** The node did not answer as a live one does: logins that can wait are spread from now on. */
  sawFailure(connection: Connection, error: ProviderError): void {
    if (isOutage(error)) this.#outages.set(connection.name, this.#parts.clock.monotonic());
  }

  /** Revokes unneeded tokens, and retries failed revocations. Call it about every second. */
  revokeLeaving(): void {
    const now = this.#parts.clock.monotonic();
    for (const stored of this.all()) {
      if (stored.state !== "leaving") this.#revokeUnneeded(stored);
      else if (now >= stored.retryAt) void this.#revoke(stored);
    }
  }

  /** Revokes everything now, and tells how that went. No login stands after this. */
  async revokeAll(): Promise<RevokedTokens> {
    this.#closed = true;
    const tokens = this.all();
    for (const stored of tokens) moveTo(stored, "leaving");
    const outcomes = await Promise.all(tokens.map((stored) => this.#revoke(stored)));
    const count = (wanted: Revocation) => outcomes.filter((outcome) => outcome === wanted).length;
    const revoked = count("revoked");
    return { revoked, failed: outcomes.length - revoked, retried: count("later") };
  }

  /** Forgets tokens that have ended; call it every minute or so. */
  sweep(): void {
    const now = this.#parts.clock.monotonic();
    for (const stored of this.all()) if (hasEnded(stored, now)) this.#remove(stored);
    for (const [ownerKey, { tokens }] of this.#owners) {
      if (tokens.size === 0 && !this.#parts.isNeeded(ownerKey)) this.#owners.delete(ownerKey);
    }
  }

  /** Resolves when no login is under way. */
  async settled(): Promise<void> {
    await this.#logins.settled();
  }

  #owner(ownerKey: string): Owner {
    const known = this.#owners.get(ownerKey);
    if (known) return known;
    const owner: Owner = { tokens: new SmallSet(), turn: this.#parts.random() };
    this.#owners.set(ownerKey, owner);
    return owner;
  }

  async #joinedLogin(
    principal: Principal,
    caller: Caller,
    owner: Owner,
    mayWait: boolean,
    signal: AbortSignal,
  ): Promise<StoredToken> {
    const early = this.#attempts.tooEarly(principal.ownerKey, this.#parts.clock.monotonic());
    if (early) throw early;
    if (mayWait) this.#waitForTurn(principal.connection, owner);
    const work = (working: AbortSignal) => this.#logIn(principal, caller, working);
    return this.#logins.run(principal.ownerKey, work, { lasting: () => true }, signal);
  }

  async #logIn(principal: Principal, caller: Caller, signal: AbortSignal): Promise<StoredToken> {
    const { client, clock, random, emit, journal } = this.#parts;
    const { connection, vaultNamespace, authMount, role, audience, jwt, ownerKey, pod } = principal;
    const serviceAccount = `${pod.namespace}/${pod.serviceAccount}`;
    try {
      const login = { vaultNamespace, authMount, role, serviceAccount, audience, jwt };
      const token = await client.login(connection, login, caller, signal);
      const stored = this.#stored(principal, caller, token);
      this.#attempts.succeeded(ownerKey);
      const current = this.#loggedIn(stored);
      emit({ kind: "loggedIn", principal, token });
      await journal.persist(ownerKey); // Before anything is made with it: what is made hangs on a known token.
      return current;
    } catch (reason) {
      const error = ProviderError.from(reason);
      this.sawFailure(connection, error);
      const requestedMs = Math.min(requestedWait(error), longestRestMs);
      this.#attempts.failed(ownerKey, error, clock.monotonic(), () => Math.max(750 + 500 * random(), requestedMs));
      emit({ kind: "loginFailed", principal, error });
      throw error;
    }
  }

  #stored(principal: Principal, caller: Caller, token: VaultToken): StoredToken {
    const { connection, vaultNamespace, authMount, role, ownerKey } = principal;
    const renewable = token.renewable && token.uses === undefined;
    const grant = { requestedAt: token.issuedAt, durationMs: token.ttlMs ?? 0, renewable };
    const { random, rules } = this.#parts;
    const maySelfLookup = this.of(ownerKey)[0]?.maySelfLookup;
    const serviceToken = this.#serviceTokenTerm(principal, token);
    return {
      ownerKey,
      connection,
      vaultNamespace,
      token,
      caller: { namespace: caller.namespace, ...(caller.pod !== undefined && { pod: caller.pod }) },
      term: newTerm(grant, rules, random()),
      ...(serviceToken && { serviceToken }),
      role,
      authMount,
      state: "current",
      failures: 0,
      retryAt: 0,
      wasRenewed: false,
      ...(maySelfLookup !== undefined && { maySelfLookup }),
      usesLeft: token.uses ?? Number.POSITIVE_INFINITY,
      inUse: 0,
      leases: 0,
    };
  }

  /** Of the service account token, from the login on. */
  #serviceTokenTerm({ jwt }: Principal, { issuedAt }: VaultToken): Term | undefined {
    const { clock, rules } = this.#parts;
    const expiresAt = jwtExpiry(jwt);
    if (expiresAt === undefined) return undefined;
    const durationMs = Math.max(1, clock.monotonic() + expiresAt - clock.wall() - issuedAt);
    return newTerm({ requestedAt: issuedAt, durationMs, renewable: false }, rules, 0);
  }

  /** Returns the current one, which is another where the login was not needed any more when it ended. */
  #loggedIn(stored: StoredToken): StoredToken {
    const owner = this.#owner(stored.ownerKey);
    const previous = currentOf(owner);
    owner.tokens.add(stored);
    if (this.#closed) {
      moveTo(stored, "leaving");
      void this.#revoke(stored);
    }
    return previous ? this.#elect(previous, stored) : stored;
  }

  /**
   * Of two that are current, one stays so, and is returned. The prior one (restored, or from before the login) stays where it is fit
   * and leases hang on it, for only the current one is renewed; otherwise the login's does.
   */
  #elect(prior: StoredToken, own: StoredToken): StoredToken {
    const stays = prior.leases > 0 && this.#isFit(prior);
    const [current, other] = stays ? [prior, own] : [own, prior];
    moveTo(other, "retired");
    this.#revokeUnneeded(other);
    return current;
  }

  /** For new work: it can be used, and its end is not in sight. */
  #isFit(stored: StoredToken): boolean {
    const { clock, rules } = this.#parts;
    const now = clock.monotonic();
    return isUsable(stored, now) && now < tokenReplacementAt(stored, rules.leadMs);
  }

  /** Idle, and either replaced without leases or of an unneeded key. */
  #revokeUnneeded(stored: StoredToken): void {
    if (stored.inUse > 0 || stored.state === "leaving") return;
    const replaced = stored.state === "retired" && stored.leases === 0;
    if (!replaced && this.#parts.isNeeded(stored.ownerKey)) return;
    if (moveTo(stored, "leaving")) void this.#revoke(stored);
  }

  /** `false` where it was dead before. */
  #remove(stored: StoredToken): boolean {
    this.#owners.get(stored.ownerKey)?.tokens.delete(stored);
    return moveTo(stored, "dead");
  }

  #waitForTurn(connection: Connection, owner: Owner): void {
    const outage = this.#outages.get(connection.name);
    if (outage === undefined || this.#parts.clock.monotonic() >= outage + owner.turn * spreadMs) return;
    throw new VaultError("outage", "after an outage, logins are spread over five minutes for those who hold answers");
  }

  /** What Vault says of the token ends its renewals; what it cannot say for now is tried again. */
  async #renewalFailed(stored: StoredToken, error: ProviderError, signal: AbortSignal): Promise<void> {
    this.sawFailure(stored.connection, error);
    const liveness = await livenessOf(
      { client: this.#parts.client, stored, error, allowedBefore: stored.wasRenewed, priority: "renewal" },
      signal,
    );
    if (liveness === "dead") return this.died(stored);
    if (liveness instanceof ProviderError) this.sawFailure(stored.connection, liveness);
    if (liveness instanceof ProviderError || isTransient(error)) this.#putOff(stored, error);
    else {
      stored.term = unrenewable(stored.term);
      if (isOfMethod(error) && endsRenewals(stored, this.#parts.clock.monotonic())) {
        this.#boundMounts.add(mountOf(stored));
      }
    }
    this.#parts.emit({ kind: "tokenNotRenewed", stored, error });
  }

  /** Once at a time; never rejects. */
  #revoke(stored: StoredToken): Promise<Revocation> {
    const underWay = this.#revoking.get(stored) ?? this.#tryToRevoke(stored);
    this.#revoking.set(stored, underWay);
    return underWay;
  }

  async #tryToRevoke(stored: StoredToken): Promise<Revocation> {
    const { client, emit, lifetime, journal } = this.#parts;
    const caller: Caller = { ...stored.caller, priority: "revoke" };
    try {
      await client.revokeSelf(stored.connection, stored, caller, lifetime);
      this.#remove(stored);
      emit({ kind: "tokenRevoked", stored });
      return "revoked";
    } catch (reason) {
      const error = ProviderError.from(reason);
      if (lifetime.aborted || isTransient(error)) {
        this.#putOff(stored, error);
        return "later";
      }
      this.#remove(stored);
      emit({ kind: "tokenNotRevoked", stored, error });
      return "never";
    } finally {
      this.#revoking.delete(stored);
      void journal.persist(stored.ownerKey);
    }
  }

  #putOff(stored: StoredToken, error: ProviderError): void {
    const { clock, random } = this.#parts;
    const now = clock.monotonic();
    stored.failures += 1;
    stored.retryAt = now + backoff(stored.failures, endOf(stored.term) - now, random(), requestedWait(error));
  }
}

function currentOf({ tokens }: Owner): StoredToken | undefined {
  for (const stored of tokens) if (stored.state === "current") return stored;
  return undefined;
}

/** The auth method refuses the renewal; not a policy, and not Vault because the role is gone or the max TTL reached (500). */
function isOfMethod(error: ProviderError): boolean {
  return error instanceof VaultError && error.kind === "refused" && error.status !== undefined && error.status < 500;
}

function mountOf({ connection, vaultNamespace, authMount }: StoredToken): string {
  return `${connection.name}\n${vaultNamespace}\n${authMount}`;
}

function take(stored: StoredToken): StoredToken {
  stored.usesLeft -= 1;
  stored.inUse += 1;
  return stored;
}
