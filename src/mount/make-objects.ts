import { ProviderError } from "../shared/errors.js";
import { Redacted } from "../shared/redacted.js";
import { type Making, makeFiles } from "./make-files.js";
import type { MountedFile, ObjectSpec, VaultRequest } from "./mount-spec.js";
import { type Group, type Want, isDispensable, requestsOf } from "./object-requests.js";
import { objectVersion } from "./object-version.js";
import type { Pace } from "./pace.js";
import type { Delivered, Visit, Wish } from "./ports.js";
import { fileOf } from "./secret-file.js";

/** An object as files; none for an optional one that is not there. */
export interface MadeObject {
  object: ObjectSpec;
  files: readonly MountedFile[];
  version: string;
  /** Why they are made of an answer that was held. */
  heldBecause?: ProviderError;
}

/** How the making of one object went. */
export type Outcome = { object: ObjectSpec; made: MadeObject } | { object: ObjectSpec; error: ProviderError };

/** What objects are made with. */
export interface ObjectMaking extends Making {
  versionKey: Redacted<Buffer>;
  pace: Pace;
}

/**
 * Makes a group's objects; never throws. Where no files can be made of new answers, they are made of those the volume
 * has, as if nothing had come.
 */
export async function makeObjects(
  group: Group,
  onDenied: Wish["onDenied"],
  visit: Visit,
  making: ObjectMaking,
  signal: AbortSignal,
): Promise<Outcome[]> {
  const answers = new Map(
    await Promise.all(
      group.wants.map(async (want): Promise<[Want, Answered]> => {
        const answer = visit.answer(want.request, { ...want.wish, onDenied }, signal);
        return [want, await answer.catch(refused)];
      }),
    ),
  );
  const make = async (of: ReadonlyMap<Want, Answered>) => {
    const outcomes: Outcome[] = [];
    const answerTo = (request: VaultRequest) => of.get(group.wantOf.get(request)!)!;
    for (const object of group.objects) {
      await making.pace.turn();
      outcomes.push(await outcome(object, answerTo, making, signal));
    }
    return outcomes;
  };
  const outcomes = await make(answers);
  const fault = outcomes.find(isUnmade)?.error;
  if (onDenied === "fail" || !fault) return outcomes;
  const formerly = new Map(
    [...answers].map(([want, answer]): [Want, Answered] => {
      const former = "body" in answer ? visit.former(want.request) : undefined;
      return [want, former ? { body: former, heldBecause: fault } : answer];
    }),
  );
  if ([...formerly].every(([want, answer]) => answer === answers.get(want))) return outcomes;
  const again = await make(formerly);
  return again.some(isUnmade) ? outcomes : again;
}

/** What came of a request. */
type Answered = Delivered | { error: ProviderError };

function refused(reason: unknown): Answered {
  return { error: ProviderError.from(reason) };
}

async function outcome(
  object: ObjectSpec,
  answered: (request: VaultRequest) => Answered,
  making: ObjectMaking,
  signal: AbortSignal,
): Promise<Outcome> {
  const answerTo = (request: VaultRequest) => {
    const answer = answered(request);
    if ("error" in answer) throw answer.error;
    return answer.body;
  };
  try {
    const files = await filesOrNone(object, () => makeFiles(object, answerTo, making, signal), making.defaultMode);
    making.pace.keep(files);
    const heldBecause = requestsOf(object)
      .map(answered)
      .map((answer) => ("body" in answer ? answer.heldBecause : undefined))
      .find(Boolean);
    const made = {
      object,
      files,
      version: objectVersion(making.versionKey, files),
      ...(heldBecause && { heldBecause }),
    };
    return { object, made };
  } catch (error) {
    return { object, error: ProviderError.from(error) };
  }
}

function isUnmade(outcome: Outcome): outcome is Extract<Outcome, { error: ProviderError }> {
  return "error" in outcome;
}

/** What there is instead of what is not there; every other error, a denial above all, stays one. */
async function filesOrNone(
  object: ObjectSpec,
  make: () => Promise<readonly MountedFile[]>,
  defaultMode: number,
): Promise<readonly MountedFile[]> {
  try {
    return await make();
  } catch (reason) {
    const { fallback } = object;
    if (ProviderError.from(reason).code !== "not_found" || !isDispensable(object)) throw reason;
    if (!fallback || !("text" in fallback)) return [];
    return [fileOf(object, Buffer.from(fallback.text.reveal()), defaultMode)];
  }
}
