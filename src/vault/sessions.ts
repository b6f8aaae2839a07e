import type { Connection } from "../config/connection.js";
import type { Visitor } from "../mount/ports.js";
import { Attempts } from "../shared/attempts.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import type { Random } from "../shared/random.js";
import { SharedWork } from "../shared/shared-work.js";
import type { Caller, VaultClient, VaultToken } from "./vault-client.js";
import { VaultError } from "./vault-error.js";

/** A login that stands: a live token, and where it is good. */
export interface Session {
  readonly tokenKey: string;
  readonly connection: Connection;
  readonly vaultNamespace: string;
  readonly token: VaultToken;
  readonly caller: Omit<Caller, "priority">;
  /** Uses left of a token with `num_uses`. */
  usesLeft: number;
  /** Requests under way: a token in use is not revoked, for the answer may bring a lease. */
  inUse: number;
  /** Whether a lease hangs on the token: then it is left to end by itself when another takes its place. */
  hasLeases: boolean;
  /** Vault has said so. */
  dead: boolean;
}

export interface SessionsObserver {
  loggedIn(visitor: Visitor, token: VaultToken): void;
  loginFailed(visitor: Visitor, error: ProviderError): void;
  /** Revoked, or why that failed: such a token ends with its time. */
  dropped(session: Session, error?: ProviderError): void;
}

export interface SessionsParts {
  client: VaultClient;
  clock: Clock;
  random: Random;
  observer: SessionsObserver;
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
/** Only Vault declares a token dead; past its time by this much we stop asking. */
const leewayMs = 5 * 60_000;

/** One live token for each token key. Only a Mount logs in, with the JWT it brought; a JWT is never kept. */
export class Sessions {
  readonly #parts: SessionsParts;
  readonly #accounts = new Map<string, Account>();
  readonly #logins = new SharedWork<Session>();
  readonly #attempts = new Attempts<ProviderError>(8192);
  readonly #outages = new Map<string, number>();

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
   * A session whose token is fit for new work, in use until `release`: the one that stands, or a joined login. A token in the last third of its life is replaced, or used on when the login fails. `mayWait` says that held answers
   * are there, so that the login may be put off after an outage. Throws the login's `VaultError`.
   */
  async open(visitor: Visitor, caller: Caller, mayWait: boolean, signal: AbortSignal): Promise<Session> {
    const now = this.#parts.clock.monotonic();
    const account = this.#account(visitor.tokenKey);
    const standing = account.current && isUsable(account.current, now) ? account.current : undefined;
    if (standing && isFresh(standing, now)) return take(standing);
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
    session.dead = true;
  }

  /** The connection did not answer as a live Vault does: logins that can wait are spread from now on. */
  sawOutage(connection: Connection): void {
    this.#outages.set(connection.name, this.#parts.clock.monotonic());
  }

  /** Nobody needs this key's tokens any more: revokes them in the background, and all that hangs on them. */
  close(tokenKey: string): void {
    const account = this.#accounts.get(tokenKey);
    this.#accounts.delete(tokenKey);
    for (const session of [...(account?.retired ?? []), ...(account?.current ? [account.current] : [])])
      this.#revoke(session);
  }

  /** Forgets tokens that have ended; call it every minute or so. */
  sweep(): void {
    const now = this.#parts.clock.monotonic();
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
        usesLeft: token.uses ?? Number.POSITIVE_INFINITY,
        inUse: 0,
        hasLeases: false,
        dead: false,
      };
      this.#attempts.succeeded(tokenKey);
      this.#replace(account, session);
      observer.loggedIn(visitor, token);
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
    if (this.#accounts.get(session.tokenKey) !== account) this.#revoke(session);
    if (old) this.#retire(account, old);
  }

  #retire(account: Account, session: Session): void {
    account.retired = account.retired.filter((other) => other !== session);
    if (session.dead) return;
    if (session.hasLeases || session.inUse > 0) account.retired.push(session);
    else this.#revoke(session);
  }

  #waitForTurn(connection: Connection, account: Account): void {
    const outage = this.#outages.get(connection.name);
    if (outage === undefined || this.#parts.clock.monotonic() >= outage + account.turn * spreadMs) return;
    throw new VaultError("outage", "after an outage, logins are spread over five minutes for those who hold answers");
  }

  #revoke(session: Session): void {
    const { client, observer, lifetime } = this.#parts;
    const caller: Caller = { ...session.caller, priority: "revoke" };
    client.revokeSelf(session.connection, session, caller, lifetime).then(
      () => observer.dropped(session),
      (reason: unknown) => observer.dropped(session, ProviderError.from(reason)),
    );
  }
}

export function isOutage(error: ProviderError): boolean {
  return error instanceof VaultError && ["outage", "sealed", "quota", "configuration"].includes(error.kind);
}

function take(session: Session): Session {
  session.usesLeft -= 1;
  session.inUse += 1;
  return session;
}

function isFresh({ token }: Session, now: number): boolean {
  return token.ttlMs === undefined || now < token.issuedAt + (token.ttlMs * 2) / 3;
}

function isUsable(session: Session, now: number): boolean {
  return session.usesLeft > 0 && !hasEnded(session, now);
}

function hasEnded({ token }: Session, now: number): boolean {
  return token.ttlMs !== undefined && now >= token.issuedAt + token.ttlMs + leewayMs;
}
