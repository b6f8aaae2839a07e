import { z } from "zod";
import { doubled } from "../shared/backoff.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import type { Random } from "../shared/random.js";
import { cutText } from "../shared/shown-text.js";
import type { KubeClient } from "./kube-client.js";
import { AnswerTooLong, KubeError } from "./kube-error.js";
import type { KubeEvent, PodWatchState } from "./kube-event.js";

/** A pod as the watch keeps it. */
export interface WatchedPod {
  namespace: string;
  name: string;
  uid: string;
  /** The annotation by which its owner requests a refresh. */
  refresh?: string;
}

export interface PodWatchParts {
  kube: Pick<KubeClient, "call" | "stream">;
  nodeName: string;
  clock: Clock;
  random: Random;
  emit: (event: KubeEvent) => void;
}

/** `kubectl annotate --overwrite pod NAME keymount.dev/refresh=$(date +%s)` */
export const refreshAnnotation = "keymount.dev/refresh";

/** Pods of one page of the list; fewer where their metadata is so long that a page is not read. */
const largestPage = 64;
/** A watch that breaks is resumed where it broke, so that for a while nothing is missed. */
const staleAfterMs = 60_000;
/** The API server sends bookmarks every minute or so (cacher.go): one that sends nothing for so long is gone. */
const idleMs = 180_000;
const [shortestWatchSeconds, longestWatchSeconds] = [300, 600];
const [shortestRestMs, longestRestMs] = [1_000, 60_000];
const longestAnnotation = 253;
const watching = "watching this node's pods";
/**
 * Whoever makes a pod may write megabytes there, and six times as much in JSON (`<` is `\u003c`): the API server checks neither
 * their length nor their number (apimachinery, validateOwnerReference; managedFields name the owners again).
 */
const omit = ["ownerReferences", "managedFields"];

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
 * The pods of one node that have not ended, by their metadata alone. It learns of changes within moments, and knows
 * when it is out of date. A pod that is missing here may still be alive: ask the API server before acting on that.
 */
export class PodWatch {
  readonly #parts: PodWatchParts;
  #pods = new Map<string, WatchedPod>();
  #reported: PodWatchState = "starting";
  /** The version to watch from; `undefined` where a list is needed. */
  #version: string | undefined;
  #failures = 0;
  #brokenSince: number | undefined;
  /** A successful list alone does not clear this. */
  #watchFailed = false;

  constructor(parts: PodWatchParts) {
    this.#parts = parts;
  }

  get state(): PodWatchState {
    return this.#reported;
  }

  get size(): number {
    return this.#pods.size;
  }

  find(uid: string): WatchedPod | undefined {
    return this.#pods.get(uid);
  }

  /** Lists and watches until the signal aborts; resolves then. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#follow(signal);
      } catch (reason) {
        if (signal.aborted) return;
        this.#broke(ProviderError.from(reason));
      }
      await this.#pause(signal);
    }
  }

  /** Resolves when the watch has ended as it should. */
  async #follow(signal: AbortSignal): Promise<void> {
    const from = this.#version ?? (await this.#list(signal));
    let received = false;
    for await (const version of this.#watch(from, signal)) {
      this.#version = version;
      this.#failures = 0;
      this.#watchFailed = false;
      this.#become("live");
      received = true;
    }
    if (!received)
      throw new ProviderError("unavailable", `${watching}: the Kubernetes API ends the watch without a word`);
  }

  /** Gives the version to watch from. Nothing is forgotten before everything is known. */
  async #list(signal: AbortSignal): Promise<string> {
    const { pods, version } = await this.#listed(largestPage, signal);
    this.#pods = pods;
    this.#version = version;
    if (!this.#watchFailed) this.#become("live");
    return version;
  }

  async #listed(pageSize: number, signal: AbortSignal): Promise<{ pods: Map<string, WatchedPod>; version: string }> {
    const pods = new Map<string, WatchedPod>();
    try {
      for (let from = ""; ; ) {
        const page = await this.#page(pageSize, from, signal);
        for (const item of page.items ?? []) pods.set(item.metadata.uid, podOf(item.metadata));
        from = page.metadata.continue ?? "";
        if (from === "") return { pods, version: page.metadata.resourceVersion };
      }
    } catch (error) {
      if (error instanceof AnswerTooLong && pageSize > 1) return this.#listed(pageSize / 4, signal);
      throw error;
    }
  }

  async #page(size: number, from: string, signal: AbortSignal): Promise<z.output<typeof list>> {
    const query = new URLSearchParams({ fieldSelector: this.#selector, limit: String(size) });
    if (from !== "") query.set("continue", from);
    const read = await this.#parts.kube.call(
      {
        method: "GET",
        path: `/api/v1/pods?${query.toString()}`,
        accept: acceptOf("PartialObjectMetadataList"),
        omit,
        purpose: "listing this node's pods",
      },
      signal,
    );
    return understood(list, read.reveal());
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
      omit,
      purpose: watching,
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

  /** A pod that ends leaves the selection, so it is reported as deleted. */
  get #selector(): string {
    return `spec.nodeName=${this.#parts.nodeName},status.phase!=Succeeded,status.phase!=Failed`;
  }

  #become(state: PodWatchState, error?: ProviderError): void {
    if (state === "live") this.#brokenSince = undefined;
    if (state === this.#reported) return;
    this.#reported = state;
    this.#parts.emit({ kind: "podWatchChanged", state, error });
  }

  #broke(error: ProviderError): void {
    const now = this.#parts.clock.monotonic();
    this.#failures += 1;
    this.#watchFailed = this.#version !== undefined;
    this.#brokenSince ??= now;
    if (this.#reported === "starting" || now - this.#brokenSince >= staleAfterMs) this.#become("stale", error);
    // What cannot be resumed for so long may never be: the server's store may have been put back to an older one.
    if (this.#reported === "stale" || (error instanceof KubeError && error.status === 410)) this.#version = undefined;
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#parts;
    const ceiling = doubled(shortestRestMs, longestRestMs, Math.max(1, this.#failures) + 1);
    await clock.sleep(shortestRestMs + random() * (ceiling - shortestRestMs), signal).catch(() => undefined);
  }
}

function acceptOf(kind: string): string {
  return `application/json;as=${kind};g=meta.k8s.io;v=v1,application/json`;
}

function podOf({ namespace, name, uid, annotations }: z.output<typeof metadata>["metadata"]): WatchedPod {
  const annotation = annotations?.[refreshAnnotation];
  const refresh = annotation && cutText(annotation, longestAnnotation);
  return { namespace, name, uid, ...(refresh !== undefined && { refresh }) };
}

function refusalOf({ code = 0, reason = "" }: { code?: number | undefined; reason?: string | undefined }): KubeError {
  const status = reason === "Expired" || reason === "Gone" ? 410 : code;
  return new KubeError(status, "", `${watching}: the Kubernetes API ends the watch (${status})`);
}

function understood<T>(shape: z.ZodType<T>, read: unknown): T {
  const result = shape.safeParse(read);
  if (result.success) return result.data;
  throw new ProviderError("unavailable", "the Kubernetes API tells of pods in a form that is not understood");
}
