import type { FoundRecord } from "../../src/leases/credential-state.js";
import type { CopyStore } from "../../src/leases/offline-copies.js";
import { Redacted } from "../../src/shared/redacted.js";

/** Records that outlive the process of a test: what a state directory is to a daemon. */
export class RecordsInMemory implements CopyStore {
  /** Told of every write and removal that has been done. */
  written: () => void = () => {};
  /** Thrown instead of writing. */
  refusal: Error | undefined;
  /** Thrown instead of reading. */
  fault: Error | undefined;
  /** Holds every write and removal that is asked for, until it is resolved. */
  gate: Promise<void> = Promise.resolve();
  /** Names of abandoned records. */
  readonly abandoned: string[] = [];
  readonly #records = new Map<string, Buffer>();

  async write(id: string, payload: Redacted<Buffer>): Promise<void> {
    await this.gate;
    if (this.refusal) throw this.refusal;
    this.#records.set(id, Buffer.from(payload.reveal()));
    this.written();
  }

  async read(id: string): Promise<Redacted<Buffer> | undefined> {
    if (this.fault) throw this.fault;
    const record = this.#records.get(id);
    return record && new Redacted(record);
  }

  async remove(id: string): Promise<void> {
    await this.gate;
    if (this.refusal) throw this.refusal;
    this.#records.delete(id);
    this.written();
  }

  abandon(name: string): void {
    this.abandoned.push(name);
  }

  /** As they are now. */
  copy(): RecordsInMemory {
    const copy = new RecordsInMemory();
    for (const [id, record] of this.#records) copy.#records.set(id, record);
    return copy;
  }

  all(): FoundRecord[] {
    return [...this.#records].map(([name, record]) => ({ name, payload: new Redacted(record) }));
  }
}
