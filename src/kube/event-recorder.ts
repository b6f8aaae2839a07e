import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import { FairQueue, type Waiting } from "../shared/fair-queue.js";
import { LruCache } from "../shared/lru-cache.js";
import type { Random } from "../shared/random.js";
import { Redacted } from "../shared/redacted.js";
import { cutText, escapeUnprintable } from "../shared/shown-text.js";
import { type KubeClient, kubePath } from "./kube-client.js";
import { KubeError } from "./kube-error.js";
import type { KubeEvent } from "./kube-event.js";
import type { PodEvent } from "./pod-event.js";
import { TokenBucket } from "./token-bucket.js";

export interface EventRecorderParts {
  kube: Pick<KubeClient, "call">;
  clock: Clock;
  random: Random;
  emit: (event: KubeEvent) => void;
}

/** An event of the same words is one object whose count rises, as client-go's correlator has it (tools/record/events_cache.go). */
interface Series extends Waiting {
  readonly event: PodEvent;
  readonly name: string;
  readonly firstTimestamp: string;
  readonly writes: TokenBucket;
  count: number;
  created: boolean;
  queued: boolean;
}

/** Series remembered at once. */
const mostSeries = 2_048;
/** Of one series: three writes, then one each five minutes; a count that is not written yet goes with the next. */
const seriesBurst = 3;
const seriesRefillMs = 5 * 60_000;
/** Of all of this node's events: when Vault is down, every pod has something to tell. */
const nodeBurst = 50;
const nodeRefillMs = 1_000;
/** Events that wait for that, each namespace's in its turn: what is written is no older than about a minute. */
const mostWaiting = 50;
/** Bytes. validation/events.go: longer messages are refused. */
const longestMessage = 1_024;
/** Characters of what else is kept of an event: names of Kubernetes are no longer (RFC 1123). */
const longestName = 253;
/** For all events of one pod, as in client-go's spam filter: no pod uses up the budget of the others. */
const podBurst = 25;
const podRefillMs = 5 * 60_000;
/** Pods whose buckets are remembered, and namespaces that are paused. */
const mostPods = 1_024;
const mostPaused = 256;
/** What is forbidden or unreachable now will be so a moment later, too. */
const pauseMs = 60_000;
/** In place of a namespace: all requests are paused. */
const everywhere = "";

/**
 * Writes events of pods in the background: `note` returns at once, never throws, and never blocks. What cannot be
 * written is counted and forgotten. Needs `create` and `patch` of events.
 */
export class EventRecorder {
  readonly #parts: EventRecorderParts;
  readonly #series = new LruCache<Series>(mostSeries);
  readonly #queue = new FairQueue<Series>({ weight: mostWaiting });
  readonly #node: TokenBucket;
  readonly #pods = new LruCache<TokenBucket>(mostPods);
  /** Namespace → until when no request is sent for it. One that is being deleted forbids everything, and others do not. */
  readonly #pausedUntil = new LruCache<number>(mostPaused);
  /** Whether the reason was reported, with no successful write since. */
  #reported = false;
  readonly #life = new AbortController();
  #writing: Promise<void> | undefined;

  constructor(parts: EventRecorderParts) {
    this.#parts = parts;
    this.#node = new TokenBucket(nodeBurst, nodeRefillMs, parts.clock.monotonic());
  }

  note(told: PodEvent): void {
    const now = this.#parts.clock.monotonic();
    // Cut before anything of it is kept: 2,048 series hold a message each, and a key that has it, too.
    const event = fitting(told);
    const series = this.#seriesOf(event, now);
    series.count += 1;
    if (series.queued || this.#life.signal.aborted) return;
    if (this.#isPaused(series, now)) return this.#parts.emit({ kind: "podEventLost" });
    if (!series.writes.take(now)) return;
    if (!this.#podOf(event, now).take(now)) return this.#parts.emit({ kind: "podEventLost" });
    series.queued = true;
    for (const left of this.#queue.add(series)) {
      left.queued = false;
      this.#parts.emit({ kind: "podEventLost" });
    }
    this.#writing ??= this.#write();
  }

  /** What is not written by then is not written at all. */
  async stop(): Promise<void> {
    this.#life.abort(new ProviderError("cancelled", "keymount is stopping"));
    await this.#writing;
  }

  #seriesOf(event: PodEvent, now: number): Series {
    const key = JSON.stringify([event.pod.uid, event.type, event.reason, event.message]);
    const known = this.#series.get(key);
    const series = known ?? this.#begin(event, now);
    this.#series.set(key, series, 1);
    return series;
  }

  #podOf({ pod }: PodEvent, now: number): TokenBucket {
    const bucket = this.#pods.get(pod.uid) ?? new TokenBucket(podBurst, podRefillMs, now);
    this.#pods.set(pod.uid, bucket, 1);
    return bucket;
  }

  #isPaused({ event }: Series, now: number): boolean {
    return [everywhere, event.pod.namespace].some((where) => now < (this.#pausedUntil.get(where) ?? 0));
  }

  #begin(event: PodEvent, now: number): Series {
    const { clock, random } = this.#parts;
    const unique = Math.floor(random() * 2 ** 48).toString(16);
    return {
      tenant: event.pod.namespace,
      rank: 0,
      weight: 1,
      event,
      name: `${event.pod.name.slice(0, 230)}.${unique}`,
      firstTimestamp: timestamp(clock.wall()),
      writes: new TokenBucket(seriesBurst, seriesRefillMs, now),
      count: 0,
      created: false,
      queued: false,
    };
  }

  async #write(): Promise<void> {
    const { clock, emit } = this.#parts;
    while (!this.#life.signal.aborted) {
      if (this.#queue.size > 0 && !this.#node.take(clock.monotonic())) {
        await clock.sleep(nodeRefillMs, this.#life.signal).catch(() => undefined); // keymount stops.
        continue;
      }
      const series = this.#queue.take();
      if (!series) break;
      this.#queue.charge(series.tenant, 1);
      series.queued = false;
      if (this.#isPaused(series, clock.monotonic())) {
        emit({ kind: "podEventLost" });
        continue;
      }
      try {
        await this.#send(series);
        this.#reported = false;
        emit({ kind: "podEventWritten" });
      } catch (reason) {
        if (this.#life.signal.aborted) return;
        this.#failed(series, ProviderError.from(reason));
      }
    }
    this.#writing = undefined;
  }

  #failed({ event }: Series, error: ProviderError): void {
    const { clock, emit } = this.#parts;
    const where = whereRefused(error, event);
    if (where !== undefined) this.#pausedUntil.set(where, clock.monotonic() + pauseMs, 1);
    emit({ kind: "podEventLost", error: this.#reported ? undefined : error });
    this.#reported = true;
  }

  /** An event lives an hour in the API server by default: one that is gone is made again. */
  async #send(series: Series): Promise<void> {
    if (series.created && (await this.#raise(series))) return;
    const made = await this.#create(series);
    series.created = true;
    if (!made) await this.#raise(series);
  }

  async #raise({ event, name, count }: Series): Promise<boolean> {
    try {
      await this.#parts.kube.call(
        {
          method: "PATCH",
          path: kubePath`/api/v1/namespaces/${event.pod.namespace}/events/${name}`,
          body: new Redacted({ count, lastTimestamp: timestamp(this.#parts.clock.wall()) }),
          purpose: "counting an event",
        },
        this.#life.signal,
      );
      return true;
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return false;
      throw error;
    }
  }

  /** `false` where it is there already: it was made, and the answer was lost. */
  async #create(series: Series): Promise<boolean> {
    try {
      await this.#post(series);
      return true;
    } catch (error) {
      if (error instanceof KubeError && error.reason === "AlreadyExists") return false;
      throw error;
    }
  }

  async #post({ event, name, count, firstTimestamp }: Series): Promise<void> {
    const { pod, type, reason, message } = event;
    await this.#parts.kube.call(
      {
        method: "POST",
        path: kubePath`/api/v1/namespaces/${pod.namespace}/events`,
        body: new Redacted({
          apiVersion: "v1",
          kind: "Event",
          metadata: { name, namespace: pod.namespace },
          involvedObject: { apiVersion: "v1", kind: "Pod", ...pod },
          type,
          reason,
          message,
          count,
          firstTimestamp,
          lastTimestamp: timestamp(this.#parts.clock.wall()),
          source: { component: "keymount" },
          reportingComponent: "keymount",
          reportingInstance: "",
        }),
        purpose: `writing an event of pod ${pod.namespace}/${pod.name}`,
      },
      this.#life.signal,
    );
  }
}

function fitting({ pod, type, reason, message }: PodEvent): PodEvent {
  const [namespace, name, uid] = [pod.namespace, pod.name, pod.uid].map((text) => cutText(text, longestName));
  const shown = cutText(escapeUnprintable(cutText(message, longestMessage)), longestMessage);
  return { pod: { namespace: namespace!, name: name!, uid: uid! }, type, reason, message: shown };
}

/** The namespace to pause, or all of them; none when the API server rejects only this event. */
function whereRefused(error: ProviderError, { pod }: PodEvent): string | undefined {
  if (!(error instanceof KubeError)) return everywhere;
  if (error.status === 403) return pod.namespace;
  return [400, 404, 409, 422].includes(error.status) ? undefined : everywhere;
}

/** Of metav1.Time, which has whole seconds. */
function timestamp(wall: number): string {
  return new Date(wall).toISOString().replace(/\.\d+Z$/, "Z");
}
