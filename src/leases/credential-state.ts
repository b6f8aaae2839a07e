import type { Connection } from "../config/connection.js";
import type { Clock } from "../shared/clock.js";
import type { Random } from "../shared/random.js";
import type { Redacted } from "../shared/redacted.js";
import type { CredentialPaths } from "../vault/credential-paths.js";
import type { Term } from "../vault/term.js";
import type { TokenStore } from "../vault/token-store.js";
import type { CredentialEvent } from "./credential-event.js";
import type { SecretCache, CacheEntry } from "./secret-cache.js";
import { type RestoredOwner, readOwner, writeOwner } from "./state-codec.js";
import type { RecordStore, StateJournal } from "./state-journal.js";

/** A record as read from the state directory. */
export interface FoundRecord {
  /** Its file's. */
  name: string;
  payload: Redacted<Buffer>;
}

export interface CredentialStateParts {
  journal: StateJournal;
  cache: SecretCache;
  tokens: TokenStore;
  paths: CredentialPaths;
  clock: Clock;
  random: Random;
  emit: (event: CredentialEvent) => void;
}

/** Renewals that became due while no process ran are spread over so long. */
const restoreSpreadMs = 60_000;

/** The part of the cache and the tokens that outlives the process, by owner key: restored from records and written to them. */
export class CredentialState {
  readonly #parts: CredentialStateParts;

  constructor(parts: CredentialStateParts) {
    this.#parts = parts;
  }

  /** Persists everything from now on. Restores the `records` that exist; one that cannot be restored is reported. */
  open(store: RecordStore, records: readonly FoundRecord[], connections: readonly Connection[]): void {
    const { emit, cache, tokens, journal, clock } = this.#parts;
    for (const { name, payload } of records) {
      const because = this.#tryToTakeUp(payload, connections);
      if (because === undefined) continue;
      store.abandon(name);
      emit({ kind: "ownerNotRestored", because });
    }
    journal.open(store, (ownerKey) =>
      writeOwner({ ownerKey, tokens: tokens.of(ownerKey), volumes: cache.volumesOf(ownerKey) }, clock.monotonic()),
    );
    const ownerKeys = [...cache.volumes(), ...tokens.all()].map(({ ownerKey }) => ownerKey);
    for (const ownerKey of new Set(ownerKeys)) void journal.persist(ownerKey);
  }

  /** Persists nothing from now on: the directory belongs to another process. */
  close(): void {
    this.#parts.journal.close();
  }

  /** Returns the reason if the record cannot be restored. */
  #tryToTakeUp(payload: Redacted<Buffer>, connections: readonly Connection[]): string | undefined {
    const { clock, tokens } = this.#parts;
    const known = (ownerKey: string, secret: string) => tokens.find(ownerKey, secret);
    try {
      const read = readOwner(payload, { connections, now: clock.monotonic(), known });
      if (typeof read === "string") return read;
      this.#takeUp(read);
      return undefined;
    } catch {
      return "its record cannot be read"; // The error's text may quote secrets.
    }
  }

  #takeUp(owner: RestoredOwner): void {
    const { cache, emit, clock } = this.#parts;
    const { ownerKey, tokens, volumes, lost } = owner;
    const now = clock.monotonic();
    const current = tokens.find(({ state }) => state === "current");
    if (current) this.#spreadRenewal(current, now);
    if (lost.length > 0 && current) current.leases += 1;
    for (const volume of volumes) cache.restore(volume, now);
    for (const entry of cache.entriesOf(ownerKey)) {
      if (entry.answer) this.#spreadRenewal(entry.answer, now);
      this.#learnPath(entry);
    }
    this.#parts.tokens.restore(ownerKey, tokens);
    emit({ kind: "ownerRestored", owner });
    for (const entry of lost) emit({ kind: "credentialLost", entry });
  }

  #learnPath({ request, answer }: CacheEntry): void {
    if (request.method !== "GET" || answer?.kind !== "leased") return;
    const { connection, vaultNamespace } = answer.stored;
    this.#parts.paths.learn(connection.name, vaultNamespace, request.path);
  }

  #spreadRenewal(renewable: { term?: Term; retryAt: number }, now: number): void {
    const { term } = renewable;
    if (!term) return;
    const left = term.grantedAt + term.grantedMs - now;
    renewable.retryAt = now + this.#parts.random() * Math.max(0, Math.min(restoreSpreadMs, left / 10));
  }
}
