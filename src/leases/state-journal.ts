import { ProviderError } from "../shared/errors.js";
import type { Redacted } from "../shared/redacted.js";
import type { Persistence } from "../vault/token-store.js";
import type { CredentialEvent } from "./credential-event.js";

/** Where records outlive the process. Writes of one id are in the order in which they were asked for. */
export interface RecordStore {
  write(id: string, payload: Redacted<Buffer>): Promise<void>;
  remove(id: string): Promise<void>;
  /** Nobody takes this record up: it is removed after a day, in which the configuration may be put right. */
  abandon(name: string): void;
}

/** The record of an owner key as it stands; `undefined` where nothing is held. */
export type Snapshot = (ownerKey: string) => Redacted<Buffer> | undefined;

/** Writes each owner's record behind what is held, once for what happens together, while there is a store. */
export class StateJournal implements Persistence {
  readonly #emit: (event: CredentialEvent) => void;
  #open: { store: RecordStore; snapshot: Snapshot } | undefined;
  /** By owner key: what has been asked for and has not begun, so that it will write what stands by then. */
  readonly #asked = new Map<string, Promise<void>>();
  readonly #underWay = new Set<Promise<void>>();

  constructor(emit: (event: CredentialEvent) => void) {
    this.#emit = emit;
  }

  /** From now on everything is kept in the store, as the snapshot has it. */
  open(store: RecordStore, snapshot: Snapshot): void {
    this.#open = { store, snapshot };
  }

  /** Nothing is kept from now on: the place is another process's. */
  close(): void {
    this.#open = undefined;
  }

  persist(ownerKey: string): Promise<void> {
    if (!this.#open) return Promise.resolve();
    const asked = this.#asked.get(ownerKey) ?? this.#soon(ownerKey, this.#open);
    this.#asked.set(ownerKey, asked);
    this.#underWay.add(asked);
    return asked.finally(() => this.#underWay.delete(asked));
  }

  /** Resolves when all that was asked for until now has been written, or could not be. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /** A tick later, so that what happens together is written once. */
  async #soon(ownerKey: string, { store, snapshot }: { store: RecordStore; snapshot: Snapshot }): Promise<void> {
    await Promise.resolve();
    this.#asked.delete(ownerKey);
    const payload = snapshot(ownerKey);
    try {
      await (payload ? store.write(ownerKey, payload) : store.remove(ownerKey));
    } catch (error) {
      this.#emit({ kind: "ownerNotPersisted", error: ProviderError.from(error) });
    }
  }
}
