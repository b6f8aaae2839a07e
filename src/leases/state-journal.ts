import { ProviderError } from "../shared/errors.js";
import type { Redacted } from "../shared/redacted.js";
import type { Journal } from "../vault/journal.js";
import type { CredentialEvent } from "./credential-event.js";

/** Where records outlive the process. Writes of one id keep the order of their calls. */
export interface RecordStore {
  write(id: string, payload: Redacted<Buffer>): Promise<void>;
  remove(id: string): Promise<void>;
  /** The record cannot be restored: it is removed after a day, in which the configuration can be corrected. */
  abandon(name: string): void;
}

/** The current record of an owner key; `undefined` where it holds nothing. */
export type Snapshot = (ownerKey: string) => Redacted<Buffer> | undefined;

interface OpenStore {
  store: RecordStore;
  snapshot: Snapshot;
}

/**
 * Writes the records of changed owner keys to the store, while there is one; changes that happen together are written once. A
 * write that fails is tried again until one succeeds: an owner key may have no other change before the process ends.
 */
export class StateJournal implements Journal {
  readonly #emit: (event: CredentialEvent) => void;
  #open: OpenStore | undefined;
  /** By owner key: writes that are requested and not begun. They write the record as it is when they begin. */
  readonly #asked = new Map<string, Promise<void>>();
  readonly #underWay = new Set<Promise<void>>();
  /** Owner keys whose last write failed, the longest untried first. */
  readonly #unwritten = new Set<string>();
  #retrying = false;

  constructor(emit: (event: CredentialEvent) => void) {
    this.#emit = emit;
  }

  /** Persists to the store from now on what the snapshot returns. */
  open(store: RecordStore, snapshot: Snapshot): void {
    this.#open = { store, snapshot };
  }

  /** Persists nothing from now on: the directory belongs to another process. */
  close(): void {
    this.#open = undefined;
    this.#unwritten.clear();
  }

  /** Records that could not be written or removed, and will be. */
  get unwritten(): number {
    return this.#unwritten.size;
  }

  persist(ownerKey: string): Promise<void> {
    if (!this.#open) return Promise.resolve();
    const asked = this.#asked.get(ownerKey) ?? this.#soon(ownerKey, this.#open);
    this.#asked.set(ownerKey, asked);
    this.#underWay.add(asked);
    return asked.finally(() => this.#underWay.delete(asked));
  }

  /**
   * Begins to write what could not be written, one record at a time, and stops at the first that fails again: a full disk costs
   * one attempt a call. Call it every second or so.
   */
  retry(): void {
    if (this.#retrying || this.#unwritten.size === 0) return;
    this.#retrying = true;
    void this.#writeAgain([...this.#unwritten]).finally(() => (this.#retrying = false));
  }

  async #writeAgain(ownerKeys: readonly string[]): Promise<void> {
    for (const ownerKey of ownerKeys) {
      await this.persist(ownerKey);
      if (this.#unwritten.has(ownerKey)) return;
    }
  }

  /** Resolves when all writes requested so far have succeeded or failed. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /** One tick later, so that changes that happen together are written once. */
  async #soon(ownerKey: string, open: OpenStore): Promise<void> {
    await Promise.resolve();
    this.#asked.delete(ownerKey);
    const { store, snapshot } = open;
    const payload = snapshot(ownerKey);
    try {
      await (payload ? store.write(ownerKey, payload) : store.remove(ownerKey));
      if (this.#open !== open) return; // Of a directory that is not ours any more.
      if (this.#unwritten.delete(ownerKey) && this.#unwritten.size === 0) this.#emit({ kind: "ownersPersisted" });
    } catch (error) {
      if (this.#open !== open) return;
      this.#emit({ kind: "ownerNotPersisted", error: ProviderError.from(error), first: this.#unwritten.size === 0 });
      this.#unwritten.delete(ownerKey); // To the end.
      this.#unwritten.add(ownerKey);
    }
  }
}
