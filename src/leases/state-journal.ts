import type { Connection } from "../config/connection.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import type { Random } from "../shared/random.js";
import type { Redacted } from "../shared/redacted.js";
import type { CredentialPaths } from "../vault/credential-paths.js";
import type { Term } from "../vault/term.js";
import type { Persistence, TokenStore } from "../vault/token-store.js";
import { type RestoredOwner, readOwner, writeOwner } from "./state-codec.js";
import type { CredentialEvent } from "./credential-event.js";
import type { SecretCache, CacheEntry } from "./secret-cache.js";

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

export interface StateJournalParts {
  cache: SecretCache;
  tokens: () => TokenStore;
  paths: CredentialPaths;
  clock: Clock;
  random: Random;
  emit: (event: CredentialEvent) => void;
}

/** What was due while nobody was there is renewed over so long, not at once. */
const restoreSpreadMs = 60_000;

/** Keeps each owner's record at what is held, where there is a store; and takes up what an earlier process kept. */
export class StateJournal implements Persistence {
  readonly #parts: StateJournalParts;
  #store: RecordStore | undefined;
  /** By owner key: what has been asked for and has not begun, so that it will write what stands by then. */
  readonly #asked = new Map<string, Promise<void>>();
  readonly #underWay = new Set<Promise<void>>();

  constructor(parts: StateJournalParts) {
    this.#parts = parts;
  }

  /** From now on everything is kept there. Takes up the `records` that are there already; one that cannot be is reported. */
  open(store: RecordStore, records: readonly FoundRecord[], connections: readonly Connection[]): void {
    const { emit, cache } = this.#parts;
    for (const { name, payload } of records) {
      const because = this.#tryToTakeUp(payload, connections);
      if (because === undefined) continue;
      store.abandon(name);
      emit({ kind: "ownerNotRestored", because });
    }
    this.#store = store;
    const ownerKeys = [...cache.volumes(), ...this.#parts.tokens().all()].map(({ ownerKey }) => ownerKey);
    for (const ownerKey of new Set(ownerKeys)) void this.persist(ownerKey);
  }

  /** Nothing is kept from now on: the place is another process's. */
  close(): void {
    this.#store = undefined;
  }

  persist(ownerKey: string): Promise<void> {
    if (!this.#store) return Promise.resolve();
    const asked = this.#asked.get(ownerKey) ?? this.#soon(ownerKey, this.#store);
    this.#asked.set(ownerKey, asked);
    this.#underWay.add(asked);
    return asked.finally(() => this.#underWay.delete(asked));
  }

  /** Resolves when all that was asked for until now has been written, or could not be. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /** A tick later, so that what happens together is written once. */
  async #soon(ownerKey: string, store: RecordStore): Promise<void> {
    await Promise.resolve();
    this.#asked.delete(ownerKey);
    const { cache, clock, emit, tokens } = this.#parts;
    const held = { ownerKey, tokens: tokens().of(ownerKey), bindings: cache.volumesOf(ownerKey) };
    const payload = writeOwner(held, clock.monotonic());
    try {
      await (payload ? store.write(ownerKey, payload) : store.remove(ownerKey));
    } catch (error) {
      emit({ kind: "ownerNotPersisted", error: ProviderError.from(error) });
    }
  }

  /** Gives why not. */
  #tryToTakeUp(payload: Redacted<Buffer>, connections: readonly Connection[]): string | undefined {
    const { clock, tokens } = this.#parts;
    const known = (ownerKey: string, secret: string) => tokens().find(ownerKey, secret);
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
    const { cache, emit, clock } = this.#parts;
    const { ownerKey, tokens, bindings, lost } = owner;
    const now = clock.monotonic();
    const current = tokens.find(({ state }) => state === "current");
    if (current) this.#unhurried(current, now);
    if (lost.length > 0 && current) current.leases += 1;
    for (const volume of bindings) cache.restore(volume);
    for (const entry of cache.entriesOf(ownerKey)) {
      if (entry.answer) this.#unhurried(entry.answer, now);
      this.#learnPath(entry);
    }
    this.#parts.tokens().restore(ownerKey, tokens);
    emit({ kind: "ownerRestored", owner });
    for (const entry of lost) emit({ kind: "credentialLost", entry });
  }

  #learnPath({ request, answer }: CacheEntry): void {
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
