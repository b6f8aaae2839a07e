import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import type { Random } from "../shared/random.js";
import { Redacted } from "../shared/redacted.js";
import { type KubeClient, kubePath } from "./kube-client.js";
import { KubeError } from "./kube-error.js";
import type { PodEvent } from "./pod-event.js";
import { TokenBucket } from "./token-bucket.js";

export interface EventRecorderParts {
  kube: Pick<KubeClient, "call">;
  clock: Clock;
  random: Random;
  observer: EventObserver;
}

export interface EventObserver {
  eventWritten(): void;
  /** There were too many at once, or, where there is an error, the API server did not take it. */
  eventLost(error?: ProviderError): void;
}

/** An event of the same words is one object whose count rises, as client-go's correlator has it (tools/record/events_cache.go). */
interface Series {
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
/** validation/events.go: longer messages are refused. */
const longestMessage = 1_024;
/** After a refusal of more than one event nothing is asked for a while: what is forbidden now is forbidden a moment later. */
const restMs = 60_000;

/**
 * Writes events of pods, in the background: `note` returns at once, never throws, and holds up nobody. What cannot be
 * written is counted and forgotten. Needs `create` and `patch` of events.
 */
export class EventRecorder {
  readonly #parts: EventRecorderParts;
  readonly #series = new Map<string, Series>();
  readonly #queue: Series[] = [];
  readonly #node: TokenBucket;
  readonly #life = new AbortController();
  #writing: Promise<void> | undefined;
  #restUntil = 0;

  constructor(parts: EventRecorderParts) {
    this.#parts = parts;
    this.#node = new TokenBucket(nodeBurst, nodeRefillMs, parts.clock.monotonic());
  }

  note(event: PodEvent): void {
    const now = this.#parts.clock.monotonic();
    const series = this.#seriesOf(event, now);
    series.count += 1;
    if (series.queued || this.#life.signal.aborted) return;
    if (now < this.#restUntil) return this.#parts.observer.eventLost();
    if (!series.writes.take(now)) return;
    if (!this.#node.take(now)) return this.#parts.observer.eventLost();
    series.queued = true;
    this.#queue.push(series);
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined));
  }

  /** What is not written by then is not written at all. */
  async stop(): Promise<void> {
    this.#life.abort(new ProviderError("cancelled", "keymount is stopping"));
    await this.#writing;
  }

  #seriesOf(event: PodEvent, now: number): Series {
    const key = JSON.stringify([event.pod.uid, event.type, event.reason, event.message]);
    const known = this.#series.get(key);
    this.#series.delete(key);
    const series = known ?? this.#begin(event, now);
    this.#series.set(key, series);
    const [oldest] = this.#series.keys();
    if (this.#series.size > mostSeries) this.#series.delete(oldest!);
    return series;
  }

  #begin(event: PodEvent, now: number): Series {
    const { clock, random } = this.#parts;
    const unique = Math.floor(random() * 2 ** 48).toString(16);
    return {
      event: { ...event, message: event.message.slice(0, longestMessage) },
      name: `${event.pod.name.slice(0, 230)}.${unique}`,
      firstTimestamp: timestamp(clock.wall()),
      writes: new TokenBucket(seriesBurst, seriesRefillMs, now),
      count: 0,
      created: false,
      queued: false,
    };
  }

  async #write(): Promise<void> {
    const { clock, observer } = this.#parts;
    for (let series = this.#queue.shift(); series; series = this.#queue.shift()) {
      series.queued = false;
      try {
        await this.#send(series);
        observer.eventWritten();
      } catch (reason) {
        if (this.#life.signal.aborted) return;
        if (!isOfOneEvent(reason)) {
          this.#restUntil = clock.monotonic() + restMs;
          for (const left of this.#queue.splice(0)) left.queued = false;
        }
        observer.eventLost(ProviderError.from(reason));
      }
    }
  }

  /** An event lives an hour in the API server by default: one that is gone is made again. */
  async #send(series: Series): Promise<void> {
    if (series.created && (await this.#raise(series))) return;
    await this.#create(series);
    series.created = true;
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

  async #create({ event, name, count, firstTimestamp }: Series): Promise<void> {
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

/** The namespace has gone, or the event is not to the API server's liking: the next one may be. */
function isOfOneEvent(reason: unknown): boolean {
  return reason instanceof KubeError && [404, 409, 422].includes(reason.status);
}

/** Of metav1.Time, which has whole seconds. */
function timestamp(wall: number): string {
  return new Date(wall).toISOString().replace(/\.\d+Z$/, "Z");
}
