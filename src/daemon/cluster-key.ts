import type { Clock } from "../shared/clock.js";
import { deriveKey, keyLabels } from "../shared/derived-key.js";
import { ProviderError } from "../shared/errors.js";
import type { Random } from "../shared/random.js";
import type { Redacted } from "../shared/redacted.js";
import { within } from "../shared/within.js";

/** Where the cluster's key is read again. */
export interface KeyOrigin {
  /** The key whenever it changes, beginning with the present one; `undefined` where it was deleted. Can be begun again after it throws. */
  changes(signal: AbortSignal): AsyncIterable<Redacted<Buffer> | undefined>;
  /** The key that is there by now, else one made there: every node gets the same. */
  restore(signal: AbortSignal): Promise<Redacted<Buffer>>;
}

export type ClusterKeyEvent =
  | { kind: "clusterKeyChanged" }
  /** The next Mount makes it again. */
  | { kind: "clusterKeyDeleted" }
  /** The one before stays in use; told once until it can be read. */
  | { kind: "clusterKeyUnreadable"; error: ProviderError };

export interface ClusterKeyParts {
  key: Redacted<Buffer>;
  /** `undefined` for a key that never changes. */
  origin: KeyOrigin | undefined;
  clock: Clock;
  random: Random;
  emit: (event: ClusterKeyEvent) => void;
  /** The daemon's. */
  lifetime: AbortSignal;
}

/** A Mount waits so long for a deleted key, and then goes on with the one before. */
const restoreWaitMs = 2_000;
const [restoreAgainMs, readAgainMs, readAgainJitterMs] = [10_000, 60_000, 30_000];

/**
 * The cluster's key as the cluster has it now. All nodes follow its origin, so that equal bytes get equal versions on
 * all of them; where the origin cannot be read the last key stays in use, since versions are no reason to fail a Mount.
 */
export class ClusterKey {
  readonly #parts: ClusterKeyParts;
  #current: Redacted<Buffer>;
  #versionKey: Redacted<Buffer>;
  #deleted = false;
  #unreadable = false;
  #restoring: Promise<void> | undefined;
  /** Monotonic milliseconds. */
  #restoreNotBefore = -Infinity;

  constructor(parts: ClusterKeyParts) {
    this.#parts = parts;
    this.#current = parts.key;
    this.#versionKey = deriveKey(parts.key, keyLabels.objectVersion);
  }

  /** The same object until the key changes. */
  get current(): Redacted<Buffer> {
    return this.#current;
  }

  /** The key that the origin has now, though no change was told yet. Throws where it cannot be read. */
  async readAgain(signal: AbortSignal): Promise<Redacted<Buffer>> {
    for await (const key of this.#parts.origin?.changes(signal) ?? []) {
      this.#found(key);
      break;
    }
    return this.#current;
  }

  /** Follows the origin until the daemon ends; resolves then. */
  async run(): Promise<void> {
    const { origin, clock, random, lifetime } = this.#parts;
    while (origin && !lifetime.aborted) {
      try {
        for await (const key of origin.changes(lifetime)) this.#found(key);
      } catch (error) {
        if (lifetime.aborted) return;
        this.#failed(error);
      }
      await clock.sleep(readAgainMs + random() * readAgainJitterMs, lifetime).catch(() => undefined);
    }
  }

  /** What the object versions of a Mount are made with. A key that was deleted is made again first; never throws. */
  async versionKey(): Promise<Redacted<Buffer>> {
    const { clock } = this.#parts;
    if (this.#deleted && clock.monotonic() >= this.#restoreNotBefore) {
      this.#restoring ??= this.#restore().finally(() => (this.#restoring = undefined));
      await within(restoreWaitMs, this.#restoring, clock);
    }
    return this.#versionKey;
  }

  async #restore(): Promise<void> {
    const { origin, clock, lifetime } = this.#parts;
    try {
      this.#found(await origin!.restore(lifetime));
    } catch (error) {
      this.#restoreNotBefore = clock.monotonic() + restoreAgainMs;
      if (!lifetime.aborted) this.#failed(error);
    }
  }

  #found(key: Redacted<Buffer> | undefined): void {
    this.#unreadable = false;
    const deleted = key === undefined;
    if (deleted && !this.#deleted) this.#parts.emit({ kind: "clusterKeyDeleted" });
    this.#deleted = deleted;
    if (deleted || key.reveal().equals(this.#current.reveal())) return;
    this.#current = key;
    this.#versionKey = deriveKey(key, keyLabels.objectVersion);
    this.#parts.emit({ kind: "clusterKeyChanged" });
  }

  #failed(reason: unknown): void {
    if (!this.#unreadable) this.#parts.emit({ kind: "clusterKeyUnreadable", error: ProviderError.from(reason) });
    this.#unreadable = true;
  }
}
