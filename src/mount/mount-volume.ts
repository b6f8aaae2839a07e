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
import { listObjects } from "./list-objects.js";
import type { MountSpec, MountedFile, ObjectSpec } from "./mount-spec.js";
import { clashes } from "./object-name.js";
import { fetchPlanOf, requestsOf } from "./object-requests.js";
import { steadyVersion } from "./object-version.js";
import { Yielder } from "./yielder.js";
import type { SecretSource, MountTransaction, Principal, Renderer } from "./ports.js";

/** What the use case needs beside the request. */
export interface MountParts {
  answers: SecretSource;
  renderer: Renderer;
  /** What object versions are made with now. */
  versionKey: () => Promise<Redacted<Buffer>>;
  clock: Clock;
  scheduler: EventLoopScheduler;
  /** Bytes a response may have on the wire. */
  responseBytes: number;
}

/** An object that is served stale, and why. */
export interface StaleObject {
  objectName: string;
  error: ProviderError;
  /** Milliseconds since the offline copy was read that it is made of; absent where it is made of what the volume holds. */
  copyAgeMs?: number;
}

/** A volume's whole content, and what is worth telling of how it came about. */
export interface MountedVolume {
  files: readonly MountedFile[];
  /** What the driver records of each object (SecretProviderClassPodStatus), and others roll workloads by. */
  versions: readonly ObjectVersion[];
  /** What changes exactly when an object's files do; of each object, also where it has none. */
  contents: readonly ObjectVersion[];
  /** Objects for which a cached secret is served stale for one that could not be had. */
  stale: readonly StaleObject[];
  /** Bytes of the response on the wire, nearly. */
  bytes: number;
  /** The contents are those of the Mount before. */
  unchanged: boolean;
}

export interface ObjectVersion {
  /** The `objectName`. */
  id: string;
  version: string;
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
    return await makeVolume(spec, principal, transaction, parts, signal);
  } finally {
    if (!left || left.aborted) transaction.end();
    else left.addEventListener("abort", () => transaction.end(), { once: true });
  }
}

async function makeVolume(
  spec: MountSpec,
  principal: Principal,
  transaction: MountTransaction,
  parts: MountParts,
  signal: AbortSignal,
): Promise<MountedVolume> {
  const { pod, class: asked } = spec;
  const { renderer, responseBytes } = parts;
  const tenant = pod.namespace;
  const yielder = new Yielder({ ...parts, tenant, made: (bytes) => transaction.made(bytes) });
  const jobs = new OneByOne();
  const lend = (bytes: number) => transaction.lend(bytes);
  const versionKey = await parts.versionKey();
  const context = { versionKey, renderer, jobs, yielder, responseBytes, tenant, lend };
  const { objects: listed, failed, lists } = await listObjects(asked, principal, transaction, yielder, signal);
  const { groups, fetches } = fetchPlanOf(listed, lists);
  const invalidate = () => {
    const named = [...listed, ...failed.map(({ object }) => object)].flatMap(requestsOf);
    for (const request of new Set(named)) transaction.invalidate(request);
  };
  const make = async () => {
    const answers = await transaction.read(fetches, asked.onDenied, signal);
    const made = await Promise.all(
      groups.map((group) => makeObjects(group, answers, asked.onDenied, transaction, context, signal)),
    );
    const outcomes = [...failed, ...made.flat()];
    // The next Mount of secrets that are smaller by then succeeds.
    if (outcomes.some((one) => "error" in one && one.error.code === "limit_exceeded")) invalidate();
    const objects = allOrNothing(inOrder(asked.objects, outcomes));
    const contents = objects.map(({ object, version }) => ({ id: object.objectName, version }));
    return { objects, contents, digest: digestOf(contents) };
  };
  const first = await make();
  const { objects, contents, digest } = (await transaction.settle(first.digest, signal)) ? await make() : first;
  const files = objects.flatMap((made) => made.files);
  const versions = objects.flatMap((made) => reportedVersion(made, versionKey));
  let bytes: number;
  try {
    bytes = checkResponseSize(files, responseBytes);
    fitTogether(objects);
  } catch (error) {
    invalidate();
    throw error;
  }
  // What the caller no longer hears of must not count as what the pod has.
  signal.throwIfAborted();
  const { unchanged } = transaction.commit(digest);
  const stale = objects.flatMap(({ object, staleReason, copyAgeMs }): StaleObject[] =>
    staleReason
      ? [{ objectName: object.objectName, error: staleReason, ...(copyAgeMs !== undefined && { copyAgeMs }) }]
      : [],
  );
  return { files, versions, contents, stale, bytes, unchanged };
}

/** None for what is not there, unless its coming and going is not to be seen. */
function reportedVersion({ object, files, version }: MadeObject, key: Redacted<Buffer>): ObjectVersion[] {
  const id = object.objectName;
  if (object.rolloutOnChange === false) return [{ id, version: steadyVersion(key, object) }];
  return files.length > 0 ? [{ id, version }] : [];
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
  const byName = new Map(outcomes.map((one) => [one.object.objectName, one]));
  return objects.map(({ objectName }) => byName.get(objectName)!);
}

function digestOf(contents: readonly ObjectVersion[]): string {
  return createHash("sha256").update(JSON.stringify(contents)).digest("base64url");
}
