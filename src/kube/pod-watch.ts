import { z } from "zod";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import type { Random } from "../shared/random.js";
import type { KubeClient } from "./kube-client.js";
import { KubeError } from "./kube-error.js";

/** What is kept of a pod. */
export interface WatchedPod {
  namespace: string;
  name: string;
  uid: string;
  /** The annotation by which its owner asks for a refresh. */
  refresh?: string;
}

/** `live`: it knows, or has not known for less than a minute; `stale`: it cannot tell who lives. */
export type PodWatchState = "starting" | "live" | "stale";

export interface PodWatchObserver {
  podWatchChanged(state: PodWatchState, error?: ProviderError): void;
}

export interface PodWatchParts {
  kube: Pick<KubeClient, "call" | "stream">;
  nodeName: string;
  clock: Clock;
  random: Random;
  observer: PodWatchObserver;
}

/** `kubectl annotate --overwrite pod NAME keymount.dev/refresh=$(date +%s)` */
export const refreshAnnotation = "keymount.dev/refresh";

const pageSize = 250;
/** A watch that breaks is resumed where it broke, so that for a while nothing is missed. */
const staleAfterMs = 60_000;
/** The API server sends bookmarks every minute or so (cacher.go): one that sends nothing for so long is gone. */
const idleMs = 180_000;
const [shortestWatchSeconds, longestWatchSeconds] = [300, 600];
const [shortestRestMs, longestRestMs] = [1_000, 60_000];
const longestAnnotation = 253;

const metadata = z.object({
  metadata: z.object({
    namespace: z.string(),
    name: z.string(),
    uid: z.string(),
    resourceVersion: z.string(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
});
const list = z.object({
  metadata: z.object({ resourceVersion: z.string(), continue: z.string().optional() }),
  items: z.array(metadata).nullish(),
});
const bookmark = z.object({ metadata: z.object({ resourceVersion: z.string() }) });
const event = z.discriminatedUnion("type", [
  z.object({ type: z.enum(["ADDED", "MODIFIED", "DELETED"]), object: metadata }),
  z.object({ type: z.literal("BOOKMARK"), object: bookmark }),
  z.object({
    type: z.literal("ERROR"),
    object: z.object({ code: z.number().optional(), reason: z.string().optional() }),
  }),
]);

/**
 * The pods of one node that have not ended, by their metadata alone. It learns of what happens within moments, and knows
 * when it does not know. A pod that is not in it may still live: ask before acting on that.
 */
export class PodWatch {
  readonly #parts: PodWatchParts;
  #pods = new Map<string, WatchedPod>();
  #told: PodWatchState = "starting";
  #brokenSince: number | undefined;

  constructor(parts: PodWatchParts) {
    this.#parts = parts;
  }

  get state(): PodWatchState {
    return this.#told;
  }

  get size(): number {
    return this.#pods.size;
  }

  find(uid: string): WatchedPod | undefined {
    return this.#pods.get(uid);
  }

  /** Lists and watches until the signal aborts; resolves then. */
  async run(signal: AbortSignal): Promise<void> {
    let version: string | undefined;
    for (let failures = 0; !signal.aborted; ) {
      try {
        version ??= await this.#list(signal);
        for await (const next of this.#watch(version, signal)) {
          version = next;
          failures = 0;
          this.#become("live");
        }
        await this.#rest(0, signal); // It has ended as it should, or its server has no time for it.
      } catch (reason) {
        if (signal.aborted) return;
        const error = ProviderError.from(reason);
        if (error instanceof KubeError && error.status === 410) version = undefined;
        failures += 1;
        this.#broke(error);
        await this.#rest(failures, signal);
      }
    }
  }

  /** Gives the version to watch from. Nothing is forgotten before everything is known. */
  async #list(signal: AbortSignal): Promise<string> {
    const pods = new Map<string, WatchedPod>();
    for (let from = ""; ; ) {
      const query = new URLSearchParams({ fieldSelector: this.#selector, limit: String(pageSize) });
      if (from !== "") query.set("continue", from);
      const read = await this.#parts.kube.call(
        {
          method: "GET",
          path: `/api/v1/pods?${query.toString()}`,
          accept: acceptOf("PartialObjectMetadataList"),
          purpose: "listing this node's pods",
        },
        signal,
      );
      const page = understood(list, read.reveal());
      for (const item of page.items ?? []) pods.set(item.metadata.uid, podOf(item.metadata));
      from = page.metadata.continue ?? "";
      if (from !== "") continue;
      this.#pods = pods;
      this.#become("live");
      return page.metadata.resourceVersion;
    }
  }

  /** Gives the version after each event. */
  async *#watch(from: string, signal: AbortSignal): AsyncGenerator<string, void> {
    const seconds = shortestWatchSeconds + this.#parts.random() * (longestWatchSeconds - shortestWatchSeconds);
    const query = new URLSearchParams({
      fieldSelector: this.#selector,
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: from,
      timeoutSeconds: String(Math.round(seconds)),
    });
    const call = {
      method: "GET" as const,
      path: `/api/v1/pods?${query.toString()}`,
      accept: acceptOf("PartialObjectMetadata"),
      purpose: "watching this node's pods",
    };
    for await (const line of this.#parts.kube.stream(call, idleMs, signal)) {
      const happened = understood(event, line);
      if (happened.type === "ERROR") throw refusalOf(happened.object);
      if (happened.type !== "BOOKMARK") this.#apply(happened);
      yield happened.object.metadata.resourceVersion;
    }
  }

  #apply({ type, object }: { type: "ADDED" | "MODIFIED" | "DELETED"; object: z.output<typeof metadata> }): void {
    const pod = podOf(object.metadata);
    if (type === "DELETED") this.#pods.delete(pod.uid);
    else this.#pods.set(pod.uid, pod);
  }

  /** A pod that ends leaves the selection, so that it is told as deleted. */
  get #selector(): string {
    return `spec.nodeName=${this.#parts.nodeName},status.phase!=Succeeded,status.phase!=Failed`;
  }

  #become(state: PodWatchState, error?: ProviderError): void {
    if (state === "live") this.#brokenSince = undefined;
    if (state === this.#told) return;
    this.#told = state;
    this.#parts.observer.podWatchChanged(state, error);
  }

  #broke(error: ProviderError): void {
    const now = this.#parts.clock.monotonic();
    this.#brokenSince ??= now;
    if (this.#told === "starting" || now - this.#brokenSince >= staleAfterMs) this.#become("stale", error);
  }

  async #rest(failures: number, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#parts;
    const ceiling = Math.min(longestRestMs, shortestRestMs * 2 ** Math.min(failures, 10));
    await clock.sleep(shortestRestMs + random() * (ceiling - shortestRestMs), signal).catch(() => undefined);
  }
}

function acceptOf(kind: string): string {
  return `application/json;as=${kind};g=meta.k8s.io;v=v1,application/json`;
}

function podOf({ namespace, name, uid, annotations }: z.output<typeof metadata>["metadata"]): WatchedPod {
  const refresh = annotations?.[refreshAnnotation]?.slice(0, longestAnnotation);
  return { namespace, name, uid, ...(refresh !== undefined && { refresh }) };
}

function refusalOf({ code = 0, reason = "" }: { code?: number | undefined; reason?: string | undefined }): KubeError {
  const status = reason === "Expired" || reason === "Gone" ? 410 : code;
  return new KubeError(status, "", `watching this node's pods: the Kubernetes API ends the watch (${status})`);
}

function understood<T>(shape: z.ZodType<T>, read: unknown): T {
  const result = shape.safeParse(read);
  if (result.success) return result.data;
  throw new ProviderError("unavailable", "the Kubernetes API tells of pods in a form that is not understood");
}
