import type { Connection } from "../config/connection.js";
import type { Visitor } from "../mount/ports.js";
import { Attempts } from "../shared/attempts.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import type { Random } from "../shared/random.js";
import { SharedWork } from "../shared/shared-work.js";
import { backoff } from "./backoff.js";
import { isOutage, isPassing } from "./passing.js";
import { type Session, hasEnded, isUsable, tokenReplacementAt } from "./session.js";
import { type LeaseRules, endOf, newTerm, renewed, unrenewable } from "./term.js";
import type { Caller, VaultClient, VaultToken } from "./vault-client.js";
import { VaultError } from "./vault-error.js";

export interface SessionsObserver {
  loggedIn(visitor: Visitor, token: VaultToken): void;
  loginFailed(visitor: Visitor, error: ProviderError): void;
  /** Revoked, or why it never will be: such a token ends with its time. */
  dropped(session: Session, error?: ProviderError): void;
  /** It has another term; `false` where renewals move its end no more. */
  tokenRenewed(session: Session, moves: boolean): void;
  /** Not now, or not ever (`session.term.renewable`). */
  tokenNotRenewed(session: Session, error: ProviderError): void;
  /** Vault says that it is dead. */
  tokenDied(session: Session): void;
}

/** Where what is held survives the process. */
export interface Keeping {
  /** Resolves when all that is held for the token key is in safety, or cannot be brought there. */
  keep(tokenKey: string): Promise<void>;
}

export interface SessionsParts {
  client: VaultClient;
  clock: Clock;
  random: Random;
  observer: SessionsObserver;
  rules: LeaseRules;
  keeping: Keeping;
  /** Aborts when the daemon stops: background revocations end with it. */
  lifetime: AbortSignal;
}

/** All that is known of one token key. */
interface Account {
  current?: Session;
  /** Replaced, but leases hang on them; dropped with the account. */
  retired: Session[];
  /** In [0, 1): this key's place in the queue of those who log in again after an outage. */
  readonly turn: number;
}

/** However long Vault asks us to leave it alone (`Retry-After`), a pod that waits for its files tries again after this. */
const longestRestMs = 30_000;
/** After an outage, those who can wait log in again over this long. */
const spreadMs = 5 * 60_000;
/** What stands for one token key, for its record. */
export interface AccountSessions {
  current?: Session;
  retired: readonly Session[];
  /** To be revoked as soon as Vault lets us. */
  leaving: readonly Session[];
}

/** One live token for each token key. Only a Mount logs in, with the JWT it brought; a JWT is never kept. */
export class Sessions {
  readonly #parts: SessionsParts;
  readonly #accounts = new Map<string, Account>();
  readonly #logins = new SharedWork<Session>();
  readonly #attempts = new Attempts<ProviderError>(2 << 20);
  readonly #outages = new Map<string, number>();
  /** Nobody needs them; they are revoked, again and again if need be, until they end. */
  readonly #leaving = new Set<Session>();
  readonly #revoking = new Map<Session, Promise<boolean>>();

  constructor(parts: SessionsParts) {
    this.#parts = parts;
  }

  get size(): number {
    return [...this.#accounts.values()].reduce(
      (sum, { current, retired }) => sum + (current ? 1 : 0) + retired.length,
      0,
    );
  }

  /**
   * A session whose token is fit for new work, in use until `release`: the one that stands, or a joined login. A token
   * whose end is in sight is replaced, or used on when the login fails. `mayWait` says that held answers are there, so
   * that the login may be put off after an outage. Throws the login's `VaultError`.
   */
  async open(visitor: Visitor, caller: Caller, mayWait: boolean, signal: AbortSignal): Promise<Session> {
    const now = this.#parts.clock.monotonic();
    const account = this.#account(visitor.tokenKey);
    const standing = account.current && isUsable(account.current, now) ? account.current : undefined;
    if (standing && now < tokenReplacementAt(standing, this.#parts.rules.leadMs)) return take(standing);
    try {
      const session = await this.#login(visitor, caller, account, mayWait && !standing, signal);
      // Others who joined the login may have used it up.
      return session.usesLeft > 0 ? take(session) : await this.open(visitor, caller, mayWait, signal);
    } catch (reason) {
      if (standing && standing.usesLeft > 0 && !signal.aborted) return take(standing);
      throw reason;
    }
  }

  /** The request is over; a session that was replaced meanwhile and bears no lease is revoked. */
  release(session: Session): void {
    session.inUse -= 1;
    const account = this.#accounts.get(session.tokenKey);
    if (account && account.current !== session) this.#retire(account, session);
  }

  /** Vault says the session's token is dead. */
  died(session: Session): void {
    const account = this.#accounts.get(session.tokenKey);
    if (account?.current === session) delete account.current;
    if (account) account.retired = account.retired.filter((other) => other !== session);
    if (session.dead) return;
    session.dead = true;
    this.#parts.observer.tokenDied(session);
    void this.#parts.keeping.keep(session.tokenKey);
  }

  /** Those that requests are made with now; the replaced ones end by themselves. */
  *current(): Iterable<Session> {
    for (const { current } of this.#accounts.values()) if (current) yield current;
  }

  /**
   * Renews the session's token. What fails for now is told when to be tried again; what Vault will not renew is renewed
   * no more. A token with `num_uses` is left alone: a renewal would be one use less. Throws only the signal's reason.
   */
  async renew(session: Session, signal: AbortSignal): Promise<void> {
    const { client, observer } = this.#parts;
    const caller: Caller = { ...session.caller, priority: "renewal" };
    try {
      const grant = await client.renewSelf(session.connection, session, session.term.askMs, caller, signal);
      session.term = renewed(session.term, grant);
      session.failures = 0;
      session.wasRenewed = true;
      observer.tokenRenewed(session, session.term.renewable);
    } catch (reason) {
      signal.throwIfAborted();
      const error = ProviderError.from(reason);
      if (isOutage(error)) this.sawOutage(session.connection);
      if (await this.provesDead(session, error, session.wasRenewed, signal)) return this.died(session);
      if (isPassing(error)) this.#putOff(session);
      else session.term = unrenewable(session.term);
      observer.tokenNotRenewed(session, error);
    }
    void this.#parts.keeping.keep(session.tokenKey);
  }

  /**
   * Whether a refusal means that the token is dead. A bare 403 is settled by asking the token about itself; where it may
   * not tell either, it is dead only if it was let do before (`allowedBefore`) what it is denied now.
   */
  async provesDead(
    session: Session,
    error: ProviderError,
    allowedBefore: boolean,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (!(error instanceof VaultError)) return false;
    if (error.kind === "token_invalid") return true;
    if (error.kind !== "denied") return false;
    try {
      await this.#parts.client.lookupSelf(
        session.connection,
        session,
        { ...session.caller, priority: "renewal" },
        signal,
      );
      return false;
    } catch (reason) {
      signal.throwIfAborted();
      const kind = reason instanceof VaultError ? reason.kind : "outage";
      return kind === "token_invalid" || (kind === "denied" && allowedBefore);
    }
  }

  /** Every token there is, and what becomes of it. */
  all(): { session: Session; state: "current" | "replaced" | "leaving" }[] {
    const accounts = [...this.#accounts.values()].flatMap(({ current, retired }) => [
      ...(current ? [{ session: current, state: "current" as const }] : []),
      ...retired.map((session) => ({ session, state: "replaced" as const })),
    ]);
    return [...accounts, ...[...this.#leaving].map((session) => ({ session, state: "leaving" as const }))];
  }

  /** What is known of a token key. */
  of(tokenKey: string): AccountSessions {
    const { current, retired = [] } = this.#accounts.get(tokenKey) ?? {};
    const leaving = [...this.#leaving].filter((session) => session.tokenKey === tokenKey);
    return { ...(current && { current }), retired, leaving };
  }

  /** Takes up what an earlier process held. Where a token key has logged in since, its older sessions are retired ones. */
  restore(tokenKey: string, { current, retired, leaving }: AccountSessions): void {
    for (const session of leaving) this.#leaving.add(session);
    if (!current && retired.length === 0) return;
    const account = this.#account(tokenKey);
    account.retired.push(...retired);
    if (current && account.current) account.retired.push(current);
    else if (current) account.current = current;
  }

  /** The connection did not answer as a live Vault does: logins that can wait are spread from now on. */
  sawOutage(connection: Connection): void {
    this.#outages.set(connection.name, this.#parts.clock.monotonic());
  }

  /** Nobody needs this key's tokens any more: revokes them in the background, and all that hangs on them. */
  close(tokenKey: string): void {
    const { current, retired } = this.of(tokenKey);
    this.#accounts.delete(tokenKey);
    for (const session of current ? [...retired, current] : retired) void this.#revoke(session);
  }

  /** Tries again to revoke what could not be revoked; call it every second or so. */
  revokeLeaving(): void {
    const now = this.#parts.clock.monotonic();
    for (const session of this.#leaving) if (now >= session.retryAt) void this.#revoke(session);
  }

  /** Revokes everything now, and tells how that went. */
  async revokeAll(): Promise<{ revoked: number; failed: number }> {
    for (const tokenKey of [...this.#accounts.keys()]) this.close(tokenKey);
    const outcomes = await Promise.all([...this.#leaving].map((session) => this.#revoke(session)));
    const revoked = outcomes.filter(Boolean).length;
    return { revoked, failed: outcomes.length - revoked };
  }

  /** Forgets tokens that have ended; call it every minute or so. */
  sweep(): void {
    const now = this.#parts.clock.monotonic();
    for (const session of this.#leaving) if (hasEnded(session, now)) this.#leaving.delete(session);
    for (const account of this.#accounts.values()) {
      if (account.current && hasEnded(account.current, now)) delete account.current;
      account.retired = account.retired.filter((session) => !hasEnded(session, now));
    }
  }

  #account(tokenKey: string): Account {
    const known = this.#accounts.get(tokenKey);
    if (known) return known;
    const account: Account = { retired: [], turn: this.#parts.random() };
    this.#accounts.set(tokenKey, account);
    return account;
  }

  async #login(
    visitor: Visitor,
    caller: Caller,
    account: Account,
    mayWait: boolean,
    signal: AbortSignal,
  ): Promise<Session> {
    const early = this.#attempts.tooEarly(visitor.tokenKey, this.#parts.clock.monotonic());
    if (early) throw early;
    if (mayWait) this.#waitForTurn(visitor.connection, account);
    const work = (working: AbortSignal) => this.#logIn(visitor, caller, account, working);
    return this.#logins.run(visitor.tokenKey, work, { lasting: true }, signal);
  }

  async #logIn(visitor: Visitor, caller: Caller, account: Account, signal: AbortSignal): Promise<Session> {
    const { client, clock, random, observer } = this.#parts;
    const { connection, vaultNamespace, authMount, role, audience, jwt, tokenKey, pod } = visitor;
    const { rules, keeping } = this.#parts;
    const serviceAccount = `${pod.namespace}/${pod.serviceAccount}`;
    try {
      const login = { vaultNamespace, authMount, role, serviceAccount, audience, jwt };
      const token = await client.login(connection, login, caller, signal);
      const session: Session = {
        tokenKey,
        connection,
        vaultNamespace,
        token,
        caller: { namespace: caller.namespace, ...(caller.pod !== undefined && { pod: caller.pod }) },
        term: newTerm(
          {
            requestedAt: token.issuedAt,
            durationMs: token.ttlMs ?? 0,
            renewable: token.renewable && token.uses === undefined,
          },
          rules.maxOrphanMs,
          random(),
        ),
        role,
        authMount,
        failures: 0,
        retryAt: 0,
        wasRenewed: false,
        usesLeft: token.uses ?? Number.POSITIVE_INFINITY,
        inUse: 0,
        hasLeases: false,
        dead: false,
      };
      this.#attempts.succeeded(tokenKey);
      this.#replace(account, session);
      observer.loggedIn(visitor, token);
      await keeping.keep(tokenKey); // Before anything is made with it: what is made hangs on a known token.
      return session;
    } catch (reason) {
      const error = ProviderError.from(reason);
      if (isOutage(error)) this.sawOutage(connection);
      const asked = error instanceof VaultError ? Math.min(error.retryAfterMs ?? 0, longestRestMs) : 0;
      this.#attempts.failed(tokenKey, error, clock.monotonic(), () => Math.max(750 + 500 * random(), asked));
      observer.loginFailed(visitor, error);
      throw error;
    }
  }

  #replace(account: Account, session: Session): void {
    const old = account.current;
    account.current = session;
    if (this.#accounts.get(session.tokenKey) !== account) void this.#revoke(session);
    if (old) this.#retire(account, old);
  }

  #retire(account: Account, session: Session): void {
    account.retired = account.retired.filter((other) => other !== session);
    if (session.dead) return;
    if (session.hasLeases || session.inUse > 0) account.retired.push(session);
    else void this.#revoke(session);
  }

  #waitForTurn(connection: Connection, account: Account): void {
    const outage = this.#outages.get(connection.name);
    if (outage === undefined || this.#parts.clock.monotonic() >= outage + account.turn * spreadMs) return;
    throw new VaultError("outage", "after an outage, logins are spread over five minutes for those who hold answers");
  }

  /** Once at a time. Tells whether it is revoked; never throws. */
  #revoke(session: Session): Promise<boolean> {
    const underWay = this.#revoking.get(session) ?? this.#tryToRevoke(session);
    this.#revoking.set(session, underWay);
    return underWay;
  }

  async #tryToRevoke(session: Session): Promise<boolean> {
    const { client, observer, lifetime, keeping } = this.#parts;
    const caller: Caller = { ...session.caller, priority: "revoke" };
    this.#leaving.add(session);
    try {
      await client.revokeSelf(session.connection, session, caller, lifetime);
      this.#leaving.delete(session);
      observer.dropped(session);
      return true;
    } catch (reason) {
      const error = ProviderError.from(reason);
      if (lifetime.aborted || isPassing(error)) this.#putOff(session);
      else {
        this.#leaving.delete(session);
        observer.dropped(session, error);
      }
      return false;
    } finally {
      this.#revoking.delete(session);
      void keeping.keep(session.tokenKey);
    }
  }

  #putOff(session: Session): void {
    const now = this.#parts.clock.monotonic();
    session.failures += 1;
    session.retryAt = now + backoff(session.failures, endOf(session.term) - now, this.#parts.random());
  }
}

function take(session: Session): Session {
  session.usesLeft -= 1;
  session.inUse += 1;
  return session;
}
