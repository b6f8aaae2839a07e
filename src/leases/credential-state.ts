import type { Connection } from "../config/connection.js";
import type { Clock } from "../shared/clock.js";
import { FairBudget } from "../shared/fair-budget.js";
import type { Random } from "../shared/random.js";
import type { Redacted } from "../shared/redacted.js";
import type { CredentialPaths } from "../vault/credential-paths.js";
import type { Term } from "../vault/term.js";
import type { TokenStore } from "../vault/token-store.js";
import type { CredentialEvent } from "./credential-event.js";
import type { CacheEntry } from "./cache-entry.js";
import type { SecretCache } from "./secret-cache.js";
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
  /** Bytes of the state directory that static answers take at most; shared by Kubernetes namespace. */
  staticBytes: number;
  clock: Clock;
  random: Random;
  emit: (event: CredentialEvent) => void;
}

/** Renewals that became due while no process ran are spread over so long. */
const restoreSpreadMs = 60_000;

/** Of static answers in one record. Beyond it, the volume with them is written without: what is read again is not worth more. */
const mostStaticBytes = 512 << 10;

/** The part of the cache and the tokens that outlives the process, by owner key: restored from records and written to them. */
export class CredentialState {
  readonly #parts: CredentialStateParts;
  #statics: FairBudget;
  /** What the records have of static answers, by owner key. */
  readonly #staticsOf = new Map<string, { namespace: string; bytes: number }>();
  /** Owner keys with a record in the store. */
  readonly #recorded = new Set<string>();
  #opening = Promise.resolve();

  constructor(parts: CredentialStateParts) {
    this.#parts = parts;
    this.#statics = new FairBudget(parts.staticBytes);
  }

  /** Restores one of the records that exist, before `open`; one that cannot be restored is reported. */
  restore(store: RecordStore, { name, payload }: FoundRecord, connections: readonly Connection[]): void {
    const because = this.#tryToTakeUp(payload, connections);
    if (because === undefined) return;
    store.abandon(name);
    this.#parts.emit({ kind: "ownerNotRestored", because });
  }

  /** Persists everything from now on; what is held already, one record after another. */
  open(store: RecordStore): void {
    this.#parts.journal.open(store, (ownerKey) => this.#recordOf(ownerKey));
    this.#opening = this.#persistAll();
  }

  /** Resolves when what was held at `open` is written. */
  settled(): Promise<void> {
    return this.#opening;
  }

  /**
   * Removes the records of owner keys that hold nothing any more: where the token has ended before the pod went, nothing else asks
   * for it. Call it about every minute.
   */
  sweep(): void {
    const { cache, tokens, journal } = this.#parts;
    for (const ownerKey of this.#recorded) {
      if (!cache.isNeeded(ownerKey) && tokens.of(ownerKey).length === 0) void journal.persist(ownerKey);
    }
  }

  /** Persists nothing from now on: the directory belongs to another process. */
  close(): void {
    this.#parts.journal.close();
    this.#recorded.clear();
    this.#statics = new FairBudget(this.#parts.staticBytes);
    this.#staticsOf.clear();
  }

  async #persistAll(): Promise<void> {
    const { cache, tokens, journal } = this.#parts;
    const ownerKeys = [...cache.volumes(), ...tokens.all()].map(({ ownerKey }) => ownerKey);
    for (const ownerKey of new Set(ownerKeys)) await journal.persist(ownerKey);
  }

  #recordOf(ownerKey: string): Redacted<Buffer> | undefined {
    const { tokens, cache, clock } = this.#parts;
    const volumes = cache.volumesOf(ownerKey);
    const before = this.#staticsOf.get(ownerKey);
    if (before) this.#statics.release(before.namespace, before.bytes);
    this.#staticsOf.delete(ownerKey);
    const namespace = volumes[0]?.namespace ?? "";
    let bytes = 0;
    const admits = (more: number) => {
      const admitted = bytes + more <= mostStaticBytes && this.#statics.take(namespace, more);
      if (admitted) bytes += more;
      return admitted;
    };
    const payload = writeOwner({ ownerKey, tokens: tokens.of(ownerKey), volumes }, clock.monotonic(), admits);
    if (bytes > 0) this.#staticsOf.set(ownerKey, { namespace, bytes });
    if (payload) this.#recorded.add(ownerKey);
    else this.#recorded.delete(ownerKey);
    return payload;
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
    this.#recorded.add(ownerKey);
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
