import { ProviderError } from "../shared/errors.js";
import type { Redacted } from "../shared/redacted.js";
import { type RenderContext, makeFiles } from "./make-files.js";
import type { MountedFile, ObjectSpec, OnDenied, VaultRequest } from "./mount-spec.js";
import { type FetchGroup, isOptional, requestsOf } from "./object-requests.js";
import { objectVersion } from "./object-version.js";
import type { Yielder } from "./yielder.js";
import type { Answered, Fetch, FetchResult, MountTransaction } from "./ports.js";
import { fileOf } from "./secret-file.js";
import type { AnswerBody } from "./secret-value.js";

/** An object as files; none for an optional one that is not there. */
export interface MadeObject {
  object: ObjectSpec;
  files: readonly MountedFile[];
  /** Of their content. */
  version: string;
  /** Why they are made of an answer that was held. */
  staleReason: ProviderError | undefined;
  /** Milliseconds since the oldest offline copy among their answers was read. */
  copyAgeMs: number | undefined;
}

/** The outcome of one object. */
export type Outcome = { object: ObjectSpec; made: MadeObject } | { object: ObjectSpec; error: ProviderError };

/** What objects are made with. */
export interface ObjectContext extends RenderContext {
  versionKey: Redacted<Buffer>;
  yielder: Yielder;
}

/**
 * Makes a group's objects of the answers to its requests; never throws. Where no files can be made of new answers, they are
 * made of those the volume has, as if nothing had come.
 */
export async function makeObjects(
  group: FetchGroup,
  answers: ReadonlyMap<Fetch, Answered>,
  onDenied: OnDenied,
  transaction: MountTransaction,
  context: ObjectContext,
  signal: AbortSignal,
): Promise<Outcome[]> {
  const make = async (of: ReadonlyMap<Fetch, Answered>) => {
    const outcomes: Outcome[] = [];
    const answerTo = (request: VaultRequest) => of.get(group.fetchOf.get(request)!)!;
    for (const object of group.objects) {
      const turn = context.yielder.turn();
      if (turn) await turn;
      try {
        const making = filesFor(object, answerTo, context, signal);
        const files = making instanceof Promise ? await making : making; // Most are made at once.
        context.yielder.add(files);
        outcomes.push({ object, made: madeObject(object, files, answerTo, context.versionKey) });
      } catch (error) {
        outcomes.push({ object, error: ProviderError.from(error) });
      }
    }
    return outcomes;
  };
  const outcomes = await make(answers);
  const fault = outcomes.find(isUnmade)?.error;
  if (onDenied === "fail" || !fault) return outcomes;
  const withPrevious = new Map(
    group.fetches.map((fetch): [Fetch, Answered] => {
      const answer = answers.get(fetch)!;
      const isAnswer = "body" in answer || answer.error.code === "not_found";
      const previous = isAnswer ? transaction.previous(fetch.request) : undefined;
      return [fetch, previous ? { body: previous, staleReason: fault } : answer];
    }),
  );
  if ([...withPrevious].every(([fetch, answer]) => answer === answers.get(fetch))) return outcomes;
  const again = await make(withPrevious);
  return again.some(isUnmade) ? outcomes : again;
}

/** Its own, or what the class has instead. Throws, or rejects. */
function filesFor(
  object: ObjectSpec,
  answered: (request: VaultRequest) => Answered,
  context: ObjectContext,
  signal: AbortSignal,
): readonly MountedFile[] | Promise<readonly MountedFile[]> {
  const answerTo = (request: VaultRequest) => {
    const answer = answered(request);
    if ("error" in answer) throw answer.error;
    return answer.body;
  };
  const instead = (reason: unknown) => filesInstead(object, reason);
  try {
    const making = makeFiles(object, answerTo, context, signal);
    return making instanceof Promise ? making.catch(instead) : making;
  } catch (reason) {
    return instead(reason);
  }
}

function madeObject(
  object: ObjectSpec,
  files: readonly MountedFile[],
  answered: (request: VaultRequest) => Answered,
  versionKey: Redacted<Buffer>,
): MadeObject {
  const answers = requestsOf(object)
    .map(answered)
    .filter((answer) => "body" in answer);
  const version = versionOf(object, files, answers, versionKey);
  let { staleReason } = object.recursive ?? {};
  let copyAgeMs: number | undefined;
  for (const answer of answers) {
    staleReason ??= answer.staleReason;
    if (answer.copyAgeMs !== undefined) copyAgeMs = Math.max(answer.copyAgeMs, copyAgeMs ?? 0);
  }
  return { object, files, version, staleReason, copyAgeMs };
}

/** By the one answer of an object: the version of what was last made of it. */
const versions = new WeakMap<AnswerBody, { object: ObjectSpec; key: Redacted<Buffer>; version: string }>();

/** Made once for an answer that is held: at most Mounts nothing has changed. */
function versionOf(
  object: ObjectSpec,
  files: readonly MountedFile[],
  answers: readonly FetchResult[],
  key: Redacted<Buffer>,
): string {
  const [answer, ...others] = answers;
  if (!answer || others.length > 0) return objectVersion(key, files);
  const known = versions.get(answer.body);
  if (known?.object === object && known.key === key) return known.version;
  const version = objectVersion(key, files);
  versions.set(answer.body, { object, key, version });
  return version;
}

function isUnmade(outcome: Outcome): outcome is Extract<Outcome, { error: ProviderError }> {
  return "error" in outcome;
}

/** The files of an object whose own could not be made; throws `reason` unless something that may be missing is. */
export function filesInstead(object: ObjectSpec, reason: unknown): readonly MountedFile[] {
  const { fallback } = object;
  // Every other error, a denial above all, stays one.
  if (ProviderError.from(reason).code !== "not_found" || !isOptional(object)) throw reason;
  if (!fallback || !("text" in fallback)) return [];
  return [fileOf(object, Buffer.from(fallback.text.reveal()))];
}
