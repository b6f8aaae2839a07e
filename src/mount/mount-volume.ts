import { createHash } from "node:crypto";
import { ProviderError } from "../shared/errors.js";
import { named, quoted } from "../shared/quoted.js";
import type { Clock } from "../shared/clock.js";
import { OneByOne } from "../shared/one-by-one.js";
import type { EventLoopScheduler } from "../shared/event-loop-scheduler.js";
import type { Redacted } from "../shared/redacted.js";
import { allOrNothing } from "./all-or-nothing.js";
import { checkResponseSize } from "./response-size.js";
import { type MadeObject, type Outcome, makeObjects } from "./make-objects.js";
import type { MountSpec, MountedFile, ObjectSpec } from "./mount-spec.js";
import { clashes } from "./object-name.js";
import { fetchGroupsOf, requestsOf } from "./object-requests.js";
import { Yielder } from "./yielder.js";
import type { SecretSource, MountTransaction, Principal, Renderer } from "./ports.js";

/** What the use case needs beside the request. */
export interface MountParts {
  answers: SecretSource;
  renderer: Renderer;
  versionKey: Redacted<Buffer>;
  clock: Clock;
  scheduler: EventLoopScheduler;
  /** Bytes a response may have on the wire. */
  responseBytes: number;
}

/** A volume's whole content, and what is worth telling of how it came about. */
export interface MountedVolume {
  files: readonly MountedFile[];
  versions: readonly { id: string; version: string }[];
  /** Objects for which a cached secret is served stale for one that could not be had. */
  held: readonly { objectName: string; error: ProviderError }[];
  /** Bytes of the response on the wire, nearly. */
  bytes: number;
  /** The versions are those of the Mount before. */
  unchanged: boolean;
}

/**
 * Gives every file of the volume, or one error that names every failure: a pod must not see half a rotation. What the
 * files take of memory counts as in flight until `left` aborts, where it is given: until the answer has left.
 */
export async function mountVolume(
  spec: MountSpec,
  principal: Principal,
  parts: MountParts,
  signal: AbortSignal,
  left?: AbortSignal,
): Promise<MountedVolume> {
  const transaction = parts.answers.begin(principal);
  try {
    return await makeVolume(spec, transaction, parts, signal);
  } finally {
    if (!left || left.aborted) transaction.end();
    else left.addEventListener("abort", () => transaction.end(), { once: true });
  }
}

async function makeVolume(
  spec: MountSpec,
  transaction: MountTransaction,
  parts: MountParts,
  signal: AbortSignal,
): Promise<MountedVolume> {
  const { pod, class: asked } = spec;
  const { versionKey, renderer, responseBytes } = parts;
  const tenant = pod.namespace;
  const yielder = new Yielder({ ...parts, tenant, made: (bytes) => transaction.made(bytes) });
  const jobs = new OneByOne();
  const lend = (bytes: number) => transaction.lend(bytes);
  const context = { versionKey, renderer, jobs, yielder, responseBytes, tenant, lend };
  const groups = fetchGroupsOf(asked.objects);
  const outcomes = await Promise.all(
    groups.map((group) => makeObjects(group, asked.onDenied, transaction, context, signal)),
  );
  const invalidate = () => asked.objects.flatMap(requestsOf).forEach((request) => transaction.invalidate(request));
  // The next Mount of secrets that are smaller by then succeeds.
  if (outcomes.flat().some((one) => "error" in one && one.error.code === "limit_exceeded")) invalidate();
  const objects = allOrNothing(inOrder(asked.objects, outcomes.flat()));
  const files = objects.flatMap((made) => made.files);
  const versions = objects
    .filter((made) => made.files.length > 0)
    .map(({ object, version }) => ({ id: object.objectName, version }));
  const bytes = orElse(() => {
    const size = checkResponseSize(files, responseBytes);
    fitTogether(objects);
    return size;
  }, invalidate);
  const { unchanged } = transaction.commit(digest(versions));
  const held = objects.flatMap(({ object, staleReason }) =>
    staleReason ? [{ objectName: object.objectName, error: staleReason }] : [],
  );
  return { files, versions, held, bytes, unchanged };
}

/** The names of files that keys have become are known only now. */
function fitTogether(objects: readonly MadeObject[]): void {
  if (!objects.some(({ object }) => object.keyFiles)) return;
  const owners = objects.flatMap(({ object, files }) => files.map(({ path }) => ({ object, path })));
  for (const { index, other } of clashes(owners.map(({ path }) => path))) {
    const [one, two] = [owners[index]!, owners[other]!];
    throw new ProviderError(
      "invalid_request",
      `the file ${quoted(one.path)} of ${named(one.object.objectName)} and ${quoted(two.path)} of ${named(two.object.objectName)} cannot both be; rename a key, or choose others with keys`,
    );
  }
}

/** As the class lists them. */
function inOrder(objects: readonly ObjectSpec[], outcomes: readonly Outcome[]): Outcome[] {
  const byObject = new Map(outcomes.map((one) => [one.object, one]));
  return objects.map((object) => byObject.get(object)!);
}

/** What `make` gives; when it throws, `otherwise` happens first. */
function orElse<T>(make: () => T, otherwise: () => void): T {
  try {
    return make();
  } catch (error) {
    otherwise();
    throw error;
  }
}

function digest(versions: readonly { id: string; version: string }[]): string {
  return createHash("sha256").update(JSON.stringify(versions)).digest("base64url");
}
