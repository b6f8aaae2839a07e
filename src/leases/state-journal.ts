import type { Connection } from "../config/connection.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import type { Random } from "../shared/random.js";
import type { Redacted } from "../shared/redacted.js";
import type { CredentialPaths } from "../vault/credential-paths.js";
import type { Term } from "../vault/term.js";
import type { Persistence, TokenStore } from "../vault/token-store.js";
import { type PersistedOwner, type RestoredOwner, readOwner, writeOwner } from "./state-codec.js";
import type { AnswerBook, Entry } from "./answer-book.js";

/** A record as it was found. */
export interface FoundRecord {
  /** Its file's. */
  name: string;
  payload: Redacted<Buffer>;
}

/** Where records outlive the process. Writes of one id are in the order in which they were asked for. */
export interface RecordStore {
  write(id: string, payload: Redacted<Buffer>): Promise<void>;
  remove(id: string): Promise<void>;
  /** Nobody takes this record up: it is removed after a day, in which the configuration may be put right. */
  abandon(name: string): void;
}

export interface StateJournalObserver {
  /** An earlier process's tokens and volumes are held again. `lost` may have been made without anybody knowing. */
  ownerRestored(owner: PersistedOwner, lost: readonly Entry[]): void;
  /** And why others are not. */
  ownerNotRestored(because: string): void;
  notPersisted(error: ProviderError): void;
}

export interface StateJournalParts {
  book: AnswerBook;
  sessions: () => TokenStore;
  paths: CredentialPaths;
  clock: Clock;
  random: Random;
  observer: StateJournalObserver;
}

/** What was due while nobody was there is renewed over so long, not at once. */
const restoreSpreadMs = 60_000;

/** Keeps each owner's record at what is held, where there is a store; and takes up what an earlier process kept. */
export class StateJournal implements Persistence {
  readonly #parts: StateJournalParts;
  #store: RecordStore | undefined;
  /** By token key: what has been asked for and has not begun, so that it will write what stands by then. */
  readonly #asked = new Map<string, Promise<void>>();
  readonly #underWay = new Set<Promise<void>>();

  constructor(parts: StateJournalParts) {
    this.#parts = parts;
  }

  /** From now on everything is kept there. Takes up the `records` that are there already; one that cannot be is reported. */
  open(store: RecordStore, records: readonly FoundRecord[], connections: readonly Connection[]): void {
    const { observer, book } = this.#parts;
    for (const { name, payload } of records) {
      const because = this.#tryToTakeUp(payload, connections);
      if (because === undefined) continue;
      store.abandon(name);
      observer.ownerNotRestored(because);
    }
    this.#store = store;
    const tokenKeys = [...book.bindings(), ...this.#parts.sessions().all()].map(({ tokenKey }) => tokenKey);
    for (const tokenKey of new Set(tokenKeys)) void this.persist(tokenKey);
  }

  /** Nothing is kept from now on: the place is another process's. */
  close(): void {
    this.#store = undefined;
  }

  persist(tokenKey: string): Promise<void> {
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
    const { book, clock, observer, sessions } = this.#parts;
    const held = { tokenKey, tokens: sessions().of(tokenKey), bindings: book.bindingsOf(tokenKey) };
    const payload = writeOwner(held, clock.monotonic());
    try {
      await (payload ? store.write(tokenKey, payload) : store.remove(tokenKey));
    } catch (error) {
      observer.notPersisted(ProviderError.from(error));
    }
  }

  /** Gives why not. */
  #tryToTakeUp(payload: Redacted<Buffer>, connections: readonly Connection[]): string | undefined {
    const { clock, sessions } = this.#parts;
    const known = (tokenKey: string, secret: string) => sessions().find(tokenKey, secret);
    try {
      const read = readOwner(payload, { connections, now: clock.monotonic(), known });
      if (typeof read === "string") return read;
      this.#takeUp(read);
      return undefined;
    } catch {
      return "its record cannot be read"; // What is thrown may quote what is secret.
    }
  }

  #takeUp(owner: RestoredOwner): void {
    const { book, observer, clock, sessions } = this.#parts;
    const { tokenKey, tokens, bindings, lost } = owner;
    const now = clock.monotonic();
    const current = tokens.find(({ state }) => state === "current");
    if (current) this.#unhurried(current, now);
    if (lost.length > 0 && current) current.leases += 1;
    for (const binding of bindings) book.restore(binding);
    for (const entry of book.entriesOf(tokenKey)) {
      if (entry.answer) this.#unhurried(entry.answer, now);
      this.#learnPath(entry);
    }
    sessions().restore(tokenKey, tokens);
    observer.ownerRestored(owner, lost);
  }

  #learnPath({ request, answer }: Entry): void {
    if (request.method !== "GET" || answer?.kind !== "leased") return;
    const { connection, vaultNamespace } = answer.session;
    this.#parts.paths.learn(connection.name, vaultNamespace, request.path);
  }

  #unhurried(renewable: { term?: Term; retryAt: number }, now: number): void {
    const { term } = renewable;
    if (!term) return;
    const left = term.grantedAt + term.grantedMs - now;
    renewable.retryAt = now + this.#parts.random() * Math.max(0, Math.min(restoreSpreadMs, left / 10));
  }
}
