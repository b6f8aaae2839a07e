import { ProviderError } from "../shared/errors.js";
import { Redacted } from "../shared/redacted.js";
import { type Making, makeFiles } from "./make-files.js";
import type { MountedFile, ObjectSpec, VaultRequest } from "./mount-spec.js";
import { type Group, requestsOf } from "./object-requests.js";
import { objectVersion } from "./object-version.js";
import type { Delivered, Visit, Wish } from "./ports.js";
import { requestKey } from "./request-key.js";

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

/**
 * Makes a group's objects; never throws. Where no files can be made of new answers, they are made of those the volume
 * has, as if nothing had come.
 */
export async function makeObjects(
  group: Group,
  onDenied: Wish["onDenied"],
  visit: Visit,
  { versionKey, ...making }: Making & { versionKey: Redacted<Buffer> },
  signal: AbortSignal,
): Promise<Outcome[]> {
  const answers = new Map(
    await Promise.all(
      [...group.requests].map(async ([key, request]): Promise<[string, Answered]> => {
        const wish = { ...wishOf(key, group), onDenied };
        return [key, await visit.answer(request, wish, signal).catch(refused)];
      }),
    ),
  );
  const make = async (of: ReadonlyMap<string, Answered>) => {
    const outcomes: Outcome[] = [];
    for (const object of group.objects) outcomes.push(await outcome(object, of, making, versionKey, signal));
    return outcomes;
  };
  const outcomes = await make(answers);
  if (onDenied === "fail" || !outcomes.some(isUnmade)) return outcomes;
  const fault = outcomes.find(isUnmade)!.error;
  const formerly = new Map(
    [...answers].map(([key, answer]): [string, Answered] => {
      const former = "body" in answer ? visit.former(group.requests.get(key)!) : undefined;
      return [key, former ? { body: former, heldBecause: fault } : answer];
    }),
  );
  if ([...formerly].every(([key, answer]) => answer === answers.get(key))) return outcomes;
  const again = await make(formerly);
  return again.some(isUnmade) ? outcomes : again;
}

/** What came of a request. */
type Answered = Delivered | { error: ProviderError };

function refused(reason: unknown): Answered {
  return { error: ProviderError.from(reason) };
}

function wishOf(key: string, { objects }: Group): Omit<Wish, "onDenied"> {
  const users = objects.filter((object) => requestsOf(object).some((request) => requestKey(request) === key));
  return {
    refreshIntervalMs: Math.min(...users.map(({ refreshIntervalMs }) => refreshIntervalMs)),
    dispensable: users.every(isDispensable),
  };
}

async function outcome(
  object: ObjectSpec,
  answers: ReadonlyMap<string, Answered>,
  making: Making,
  versionKey: Redacted<Buffer>,
  signal: AbortSignal,
): Promise<Outcome> {
  const own = requestsOf(object).map((request) => answers.get(requestKey(request))!);
  const heldBecause = own.map((answer) => ("body" in answer ? answer.heldBecause : undefined)).find(Boolean);
  const answerTo = (request: VaultRequest) => {
    const answer = answers.get(requestKey(request))!;
    if ("error" in answer) throw answer.error;
    return answer.body;
  };
  try {
    const files = await filesOrNone(object, () => makeFiles(object, answerTo, making, signal), making.defaultMode);
    const made = { object, files, version: objectVersion(versionKey, files), ...(heldBecause && { heldBecause }) };
    return { object, made };
  } catch (error) {
    return { object, error: ProviderError.from(error) };
  }
}

function isUnmade(outcome: Outcome): outcome is Extract<Outcome, { error: ProviderError }> {
  return "error" in outcome;
}

/** The pod can do without its secret. */
function isDispensable({ optional, fallback }: ObjectSpec): boolean {
  return optional === true || (fallback !== undefined && "text" in fallback);
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
    const { fallback, objectName, mode = defaultMode } = object;
    if (ProviderError.from(reason).code !== "not_found" || !isDispensable(object)) throw reason;
    if (!fallback || !("text" in fallback)) return [];
    return [{ path: objectName, mode, contents: new Redacted(Buffer.from(fallback.text.reveal())) }];
  }
}
