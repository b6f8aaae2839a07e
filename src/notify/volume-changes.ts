import type { Clock } from "../shared/clock.js";
import { fileFault } from "../shared/file-fault.js";
import { joinSignals } from "../shared/join-signals.js";
import type { VolumeFiles, VolumeWatcher } from "./volume-files.js";

export interface ChangeOptions {
  directories: readonly string[];
  /** From the first change on: what changes meanwhile belongs to it. */
  debounceMs: number;
  /** Between two looks at a volume of which no event came. */
  intervalMs: number;
  /** Whether a volume's first content is a change. */
  initial: boolean;
}

interface Ports {
  files: VolumeFiles;
  clock: Clock;
  tell: (text: string) => void;
}

/** Until a volume is there; its directory may not be, and then has no events. */
const missingMs = 1_000;

/**
 * The changes of several volumes. Kubernetes and the CSI driver write a volume's files aside, and replace the link `..data` by
 * a rename (pkg/volume/util/atomic_writer.go), so that a volume has changed when the link has another target: an event says
 * when to look, and so does time, because events may be missing (limits of inotify, file systems without it).
 */
export class VolumeChanges {
  readonly #options: ChangeOptions;
  readonly #ports: Ports;
  readonly #seen = new Map<string, string>();
  readonly #missing = new Set<string>();
  readonly #watchers = new Map<string, VolumeWatcher>();
  readonly #reported = new Set<string>();
  #event = new AbortController();

  constructor(options: ChangeOptions, ports: Ports) {
    this.#options = options;
    this.#ports = ports;
  }

  /** Resolves once each volume is there; their content is known then. */
  async present(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#look(signal);
      if (this.#missing.size === 0) return;
      await this.#untilEvent(signal);
    }
  }

  /** Resolves with the directories that have changed since the last call, as soon as there is one and the debounce is over. */
  async next(signal: AbortSignal): Promise<readonly string[]> {
    let changed = await this.#look(signal);
    while (changed.length === 0) {
      await this.#untilEvent(signal);
      changed = await this.#look(signal);
    }
    await this.#ports.clock.sleep(this.#options.debounceMs, signal);
    const all = new Set([...changed, ...(await this.#look(signal))]);
    return this.#options.directories.filter((directory) => all.has(directory));
  }

  close(): void {
    for (const directory of this.#options.directories) this.#forget(directory);
  }

  async #look(signal: AbortSignal): Promise<string[]> {
    signal.throwIfAborted();
    const changed: string[] = [];
    for (const directory of this.#options.directories) {
      // First, so that no change falls between.
      this.#watch(directory);
      const data = await this.#ports.files.dataOf(directory);
      if (data === undefined) {
        // The directory itself may go, and come as another one.
        this.#forget(directory);
        this.#missing.add(directory);
        this.#tellOnce(`${directory} has no files yet: waiting for its volume`);
        continue;
      }
      this.#missing.delete(directory);
      const before = this.#seen.get(directory);
      this.#seen.set(directory, data);
      if (before === undefined) this.#tellOnce(`${directory} is watched`);
      if (data !== before && (before !== undefined || this.#options.initial)) changed.push(directory);
    }
    return changed;
  }

  async #untilEvent(signal: AbortSignal): Promise<void> {
    const waiting = joinSignals(signal, this.#event.signal);
    const { intervalMs } = this.#options;
    const ms = this.#missing.size === 0 ? intervalMs : Math.min(intervalMs, missingMs);
    try {
      await this.#ports.clock.sleep(ms, waiting.signal);
    } catch (error) {
      if (!waiting.signal.aborted) throw error;
      signal.throwIfAborted();
    } finally {
      waiting.release();
      this.#event = new AbortController();
    }
  }

  #watch(directory: string): void {
    if (this.#watchers.has(directory)) return;
    try {
      const failed = (error: Error) => {
        this.#forget(directory);
        this.#polls(directory, error);
      };
      this.#watchers.set(
        directory,
        this.#ports.files.watch(directory, () => this.#event.abort(), failed),
      );
    } catch (error) {
      this.#polls(directory, error as NodeJS.ErrnoException);
    }
  }

  #polls(directory: string, error: NodeJS.ErrnoException): void {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return;
    this.#tellOnce(
      `${directory} has no events (${fileFault(error)}): a change is seen within ${this.#options.intervalMs / 1000} s`,
    );
  }

  #forget(directory: string): void {
    this.#watchers.get(directory)?.close();
    this.#watchers.delete(directory);
  }

  #tellOnce(text: string): void {
    if (this.#reported.has(text)) return;
    this.#reported.add(text);
    this.#ports.tell(text);
  }
}
