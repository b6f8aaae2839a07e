import { randomBytes } from "node:crypto";
import type { Server } from "node:http";
import { hostname } from "node:os";
import type { Connection } from "../config/connection.js";
import type { StateDirectoryOptions } from "../config/options.js";
import type { CredentialState } from "../leases/credential-state.js";
import type { OfflineCopies } from "../leases/offline-copies.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import type { Redacted } from "../shared/redacted.js";
import { readBootId } from "../state/boot-id.js";
import { type StateKeyParts, type StateKeys, openStateKey, sealStateKey } from "../state/state-key.js";
import { type FoundRecord, SealedRecords } from "../state/sealed-records.js";
import { openStateDirectory } from "../state/state-directory.js";
import type { StateEvent } from "../state/state-event.js";
import { StateLock } from "../state/state-lock.js";
import type { ClusterKey } from "./cluster-key.js";

/** What the owner keeps there, and who answers on its lock. */
export interface OwnedState {
  state: Pick<CredentialState, "restore" | "open" | "close">;
  copies: Pick<OfflineCopies, "open" | "close">;
  adminServer: Server;
}

export type StateOwnerEvent =
  | StateEvent
  /** Whether this process is the one that writes there. */
  | { kind: "stateHeld"; directory: string; held: boolean };

export interface StateOwnerParts {
  directory: StateDirectoryOptions;
  clusterKey: Pick<ClusterKey, "current" | "readAgain">;
  provider: string;
  nodeName: string | undefined;
  connections: readonly Connection[];
  clock: Clock;
  emit: (event: StateOwnerEvent) => void;
}

/**
 * The state directory as the daemon uses it: only one process on the node holds credentials of a provider's, so that no
 * two renew, replace and revoke the same. The other one, while an upgrade overlaps, serves what is static.
 */
export class StateOwner {
  readonly #parts: StateOwnerParts;
  readonly #directory: string;
  readonly #bootId: string;
  readonly #lock: StateLock;
  /** Of this process, while it holds the lock. */
  #folders: readonly SealedRecords[] | undefined;
  #keys: StateKeys | undefined;

  private constructor(parts: StateOwnerParts, directory: string, bootId: string) {
    this.#parts = parts;
    this.#directory = directory;
    this.#bootId = bootId;
    this.#lock = new StateLock(directory, () => randomBytes(6).toString("hex"));
  }

  /** Prepares the directory, and takes nothing up yet. Throws `invalid_request` for one that must not be used. */
  static async prepare(parts: StateOwnerParts, signal: AbortSignal): Promise<StateOwner> {
    const { directory: path, onDisk } = parts.directory;
    const directory = await openStateDirectory({ path, onDisk }, signal);
    return new StateOwner(parts, directory, await readBootId(signal));
  }

  /** Takes up what is there, unless another process owns it. */
  async start(owned: OwnedState, signal: AbortSignal): Promise<void> {
    await this.#take(owned, signal);
    if (!this.#folders) this.#parts.emit({ kind: "stateHeld", directory: this.#directory, held: false });
  }

  /** Why no credential may be made now. */
  refusal(): ProviderError | undefined {
    if (this.#folders) return undefined;
    return new ProviderError(
      "unavailable",
      "another keymount on this node still holds the credentials (an upgrade?); this one makes none until that one has ended",
    );
  }

  /** Whether this process has opened the directory: what it holds may be of its records then, also where a take-over has failed. */
  get hasOpened(): boolean {
    return this.#keys !== undefined;
  }

  /** Takes it up once the other process is gone, and steps back where somebody has taken it away; call it every second or so. */
  async tick(owned: OwnedState, signal: AbortSignal): Promise<void> {
    if (!this.#folders) return this.#take(owned, signal);
    if (await this.#lock.stillOurs()) {
      for (const records of this.#folders) records.prune();
      return this.#sealAgain();
    }
    this.#folders = undefined;
    owned.state.close();
    owned.copies.close();
    await this.#lock.release();
    this.#parts.emit({ kind: "stateHeld", directory: this.#directory, held: false });
  }

  async release(): Promise<void> {
    await this.#lock.release();
  }

  /** Without the lock afterwards where anything fails, so that it can be tried again. */
  async #take({ state, copies, adminServer }: OwnedState, signal: AbortSignal): Promise<void> {
    const { connections, emit } = this.#parts;
    if (!(await this.#lock.take(adminServer, signal))) return;
    try {
      const key = await this.#openKey(signal);
      const [records, offline] = [this.#sealedRecords("records", key), this.#sealedRecords("offline", key)];
      const foundCopies: FoundRecord[] = []; // About as much as copies may take together.
      for await (const copy of offline.readAll(signal)) foundCopies.push(copy);
      for await (const record of records.readAll(signal)) state.restore(records, record, connections);
      state.open(records);
      copies.open(offline, foundCopies, connections);
      this.#folders = [records, offline];
    } catch (error) {
      await this.#lock.release();
      throw error;
    }
    emit({ kind: "stateHeld", directory: this.#directory, held: true });
  }

  async #openKey(signal: AbortSignal): Promise<Redacted<Buffer>> {
    const { clusterKey } = this.#parts;
    this.#keys = await openStateKey(this.#keyParts(clusterKey.current), () => clusterKey.readAgain(signal));
    return this.#keys.state;
  }

  /** After the cluster's key has changed. */
  async #sealAgain(): Promise<void> {
    const cluster = this.#parts.clusterKey.current;
    if (!this.#keys || this.#keys.cluster === cluster) return;
    await sealStateKey(this.#keys.state, this.#keyParts(cluster));
    this.#keys.cluster = cluster;
  }

  #keyParts(clusterKey: Redacted<Buffer>): StateKeyParts {
    return { directory: this.#directory, clusterKey, randomBytes, onDisk: this.#parts.directory.onDisk };
  }

  #sealedRecords(folder: "records" | "offline", key: Redacted<Buffer>): SealedRecords {
    const { emit, provider, nodeName = hostname(), directory, clock } = this.#parts;
    return new SealedRecords({
      directory: this.#directory,
      folder,
      key,
      context: { provider, node: nodeName, bootId: this.#bootId },
      randomBytes,
      wall: () => clock.wall(),
      onDisk: directory.onDisk,
      emit,
    });
  }
}
