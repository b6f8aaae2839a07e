import type { Connection } from "../config/connection.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import type { Random } from "../shared/random.js";
import type { Redacted } from "../shared/redacted.js";
import { type Session, hasEnded } from "../vault/session.js";
import type { Keeping, Sessions } from "../vault/sessions.js";
import { type Account, type ReadAccount, readAccount, writeAccount } from "./account-record.js";
import type { AnswerBook, Entry } from "./answer-book.js";

/** Where records outlive the process. Writes of one id are in the order in which they were asked for. */
export interface RecordStore {
  write(id: string, payload: Redacted<Buffer>): Promise<void>;
  remove(id: string): Promise<void>;
}

export interface LedgerObserver {
  /** An earlier process's account is held again. `lost` may have been made without anybody knowing. */
  accountRestored(account: Account, lost: readonly Entry[]): void;
  /** And why another is not. */
  accountNotRestored(because: string): void;
  notKept(error: ProviderError): void;
}

export interface AccountLedgerParts {
  book: AnswerBook;
  sessions: () => Sessions;
  clock: Clock;
  random: Random;
  observer: LedgerObserver;
}

/** What was due while nobody was there is renewed over so long, not at once. */
const restoreSpreadMs = 60_000;

/** Keeps each account's record at what is held, where there is a store; and takes up what an earlier process kept. */
export class AccountLedger implements Keeping {
  readonly #parts: AccountLedgerParts;
  #store: RecordStore | undefined;
  /** By token key: what has been asked for and has not begun, so that it will write what stands by then. */
  readonly #asked = new Map<string, Promise<void>>();
  readonly #underWay = new Set<Promise<void>>();

  constructor(parts: AccountLedgerParts) {
    this.#parts = parts;
  }

  /** From now on everything is kept there. Takes up the `records` that are there already. */
  open(store: RecordStore, records: readonly Redacted<Buffer>[], connections: readonly Connection[]): void {
    const { clock, observer, book } = this.#parts;
    for (const bytes of records) {
      const account = readAccount(bytes, connections, clock.monotonic());
      if (typeof account === "string") observer.accountNotRestored(account);
      else this.#takeUp(account);
    }
    this.#store = store;
    for (const tokenKey of new Set([...book.bindings()].map((binding) => binding.tokenKey))) void this.keep(tokenKey);
  }

  /** Nothing is kept from now on: the place is another process's. */
  close(): void {
    this.#store = undefined;
  }

  keep(tokenKey: string): Promise<void> {
    if (!this.#store) return Promise.resolve();
    const asked = this.#asked.get(tokenKey) ?? this.#soon(tokenKey, this.#store);
    this.#asked.set(tokenKey, asked);
    this.#underWay.add(asked);
    return asked.finally(() => this.#underWay.delete(asked));
  }

  /** Resolves when all that was asked for until now has been written, or could not be. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /** A tick later, so that what happens together is written once. */
  async #soon(tokenKey: string, store: RecordStore): Promise<void> {
    await Promise.resolve();
    this.#asked.delete(tokenKey);
    const sessions = this.#parts.sessions().of(tokenKey);
    const payload = writeAccount({ tokenKey, sessions, bindings: this.#parts.book.bindingsOf(tokenKey) });
    try {
      await (payload ? store.write(tokenKey, payload) : store.remove(tokenKey));
    } catch (error) {
      this.#parts.observer.notKept(ProviderError.from(error));
    }
  }

  #takeUp(account: ReadAccount): void {
    const { book, observer, clock } = this.#parts;
    const { tokenKey, bindings, lost } = account;
    const now = clock.monotonic();
    const standing = (session: Session) => !session.dead && !hasEnded(session, now);
    const { current, retired, leaving } = account.sessions;
    const alive = {
      ...(current && standing(current) && { current: this.#unhurried(current, now) }),
      retired: retired.filter(standing),
      leaving: leaving.filter(standing),
    };
    for (const binding of bindings) book.restore(binding);
    for (const { answer } of book.entriesOf(tokenKey)) if (answer) this.#unhurried(answer, now);
    const sessions = this.#parts.sessions();
    sessions.restore(tokenKey, alive);
    if (lost.length > 0 && alive.current) alive.current.hasLeases = true;
    if (bindings.length === 0) sessions.close(tokenKey);
    observer.accountRestored(account, lost);
  }

  #unhurried<T extends { term?: Session["term"]; retryAt: number }>(renewable: T, now: number): T {
    const { term } = renewable;
    if (!term) return renewable;
    const left = term.grantedAt + term.grantedMs - now;
    renewable.retryAt = now + this.#parts.random() * Math.max(0, Math.min(restoreSpreadMs, left / 10));
    return renewable;
  }
}
