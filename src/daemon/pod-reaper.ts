import type { PodWatch } from "../kube/pod-watch.js";
import type { VolumePod } from "../leases/cache-entry.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import type { Random } from "../shared/random.js";
import { backoff } from "../shared/backoff.js";

/** The pods that hold credentials and are not in the watch. */
export type ReaperEvent =
  | { kind: "podGone"; pod: VolumePod }
  /** It is not in the watch, and the API server does not tell; it is asked again. */
  | { kind: "podStatusUnknown"; pod: VolumePod; error: ProviderError };

export interface PodReaperParts {
  watch: Pick<PodWatch, "state" | "find">;
  /** Asks the API server about the one pod. */
  status: (pod: VolumePod, signal: AbortSignal) => Promise<"lives" | "gone">;
  /** Those that hold anything. */
  owners: () => Iterable<VolumePod>;
  /** Nothing of the pod is needed any more. */
  gone: (uid: string) => void;
  clock: Clock;
  random: Random;
  emit: (event: ReaperEvent) => void;
}

interface Absence {
  pod: VolumePod;
  /** Asked about no sooner. */
  askAt: number;
  failures: number;
  asking: boolean;
  /** The API server has said so. */
  confirmedAt?: number;
}

/** A Mount may come before the watch has seen its pod. */
const watchLagMs = 5_000;
/** A container may still use its files while it ends. */
const graceMs = 30_000;
/** A pod that is alive although the watch does not have it is asked for again after so long. */
const doubtMs = 60_000;
/** Requests and revocations per second: a node that is drained loses all of its pods at once. */
const mostAtOnce = 5;

/**
 * Finds the pods with credentials that are gone: absent from a live watch, confirmed by the API server, and
 * then given thirty seconds. Without a live watch or an answer, a pod counts as alive.
 */
export class PodReaper {
  readonly #parts: PodReaperParts;
  readonly #absences = new Map<string, Absence>();

  constructor(parts: PodReaperParts) {
    this.#parts = parts;
  }

  /** Call it every second or so; it does not wait for answers. */
  tick(signal: AbortSignal): void {
    if (this.#parts.watch.state !== "live") return;
    const now = this.#parts.clock.monotonic();
    this.#note(now);
    const absent = [...this.#absences.values()];
    const asking = absent.filter((absence) => absence.asking).length;
    absent
      .filter(({ confirmedAt, asking: isAsking, askAt }) => confirmedAt === undefined && !isAsking && now >= askAt)
      .slice(0, Math.max(0, mostAtOnce - asking))
      .forEach((absence) => void this.#ask(absence, signal));
    absent
      .filter(({ confirmedAt }) => confirmedAt !== undefined && now - confirmedAt >= graceMs)
      .slice(0, mostAtOnce)
      .forEach(({ pod }) => this.#leave(pod));
  }

  #note(now: number): void {
    const { watch, owners } = this.#parts;
    const holders = new Map([...owners()].map((pod) => [pod.uid, pod]));
    for (const uid of this.#absences.keys()) if (!holders.has(uid) || watch.find(uid)) this.#absences.delete(uid);
    for (const [uid, pod] of holders) {
      if (this.#absences.has(uid) || watch.find(uid)) continue;
      this.#absences.set(uid, { pod, askAt: now + watchLagMs, failures: 0, asking: false });
    }
  }

  async #ask(absence: Absence, signal: AbortSignal): Promise<void> {
    const { status, clock, random, emit } = this.#parts;
    absence.asking = true;
    try {
      const podStatus = await status(absence.pod, signal);
      absence.failures = 0;
      if (podStatus === "gone") absence.confirmedAt = clock.monotonic();
      else absence.askAt = clock.monotonic() + doubtMs;
    } catch (reason) {
      if (signal.aborted) return;
      absence.failures += 1;
      absence.askAt = clock.monotonic() + backoff(absence.failures, Infinity, random());
      emit({ kind: "podStatusUnknown", pod: absence.pod, error: ProviderError.from(reason) });
    } finally {
      absence.asking = false;
    }
  }

  #leave(pod: VolumePod): void {
    this.#absences.delete(pod.uid);
    this.#parts.emit({ kind: "podGone", pod });
    this.#parts.gone(pod.uid);
  }
}
