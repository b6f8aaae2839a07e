import { ProviderError } from "../shared/errors.js";
import { Redacted } from "../shared/redacted.js";
import type { MountSpec, MountedFile, ObjectSpec } from "./mount-spec.js";
import { objectVersion } from "./object-version.js";
import type { Visit } from "./ports.js";
import { requestKey } from "./request-key.js";
import { type AnswerBody, filesOf } from "./secret-file.js";

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

/** Objects of one request: they are made of one answer, never half of an old one and half of a new one. */
export type Group = readonly [ObjectSpec, ...ObjectSpec[]];

export function byRequest(objects: readonly ObjectSpec[]): Group[] {
  const groups = new Map<string, [ObjectSpec, ...ObjectSpec[]]>();
  for (const object of objects) {
    const key = requestKey(object.request);
    const group = groups.get(key);
    if (group) group.push(object);
    else groups.set(key, [object]);
  }
  return [...groups.values()];
}

/**
 * Makes a group's objects; never throws. Where no files can be made of a new answer, they are made of the one the volume
 * has, as if it had not come.
 */
export async function makeObjects(
  group: Group,
  { class: { onDenied }, defaultMode }: MountSpec,
  visit: Visit,
  versionKey: Redacted<Buffer>,
  signal: AbortSignal,
): Promise<Outcome[]> {
  const make = (body: AnswerBody, heldBecause?: ProviderError) =>
    group.map((object) => outcome(object, () => filesOrNone(object, body, defaultMode), versionKey, heldBecause));
  const [{ request }] = group;
  const refreshIntervalMs = Math.min(...group.map((object) => object.refreshIntervalMs));
  const dispensable = group.every(isDispensable);
  try {
    const { body, heldBecause } = await visit.answer(request, { refreshIntervalMs, onDenied, dispensable }, signal);
    const outcomes = make(body, heldBecause);
    const fault = errorIn(outcomes);
    const former = fault && visit.former(request);
    if (!former || onDenied === "fail") return outcomes;
    const again = make(former, fault);
    return errorIn(again) ? outcomes : again;
  } catch (reason) {
    const error = ProviderError.from(reason);
    return group.map((object) => outcome(object, () => filesWithout(object, error, defaultMode), versionKey));
  }
}

function outcome(
  object: ObjectSpec,
  make: () => readonly MountedFile[],
  versionKey: Redacted<Buffer>,
  heldBecause?: ProviderError,
): Outcome {
  try {
    const files = make();
    const made = { object, files, version: objectVersion(versionKey, files), ...(heldBecause && { heldBecause }) };
    return { object, made };
  } catch (error) {
    return { object, error: ProviderError.from(error) };
  }
}

function errorIn(outcomes: readonly Outcome[]): ProviderError | undefined {
  const fault = outcomes.find((one) => "error" in one);
  return fault && "error" in fault ? fault.error : undefined;
}

/** The pod can do without its secret. */
function isDispensable({ optional, fallback }: ObjectSpec): boolean {
  return optional === true || (fallback !== undefined && "text" in fallback);
}

function filesOrNone(object: ObjectSpec, body: AnswerBody, defaultMode: number): readonly MountedFile[] {
  try {
    return filesOf(object, body, defaultMode);
  } catch (reason) {
    return filesWithout(object, ProviderError.from(reason), defaultMode);
  }
}

/** What there is instead of what is not there; every other error, a denial above all, stays one. */
function filesWithout(object: ObjectSpec, error: ProviderError, defaultMode: number): readonly MountedFile[] {
  const { fallback, objectName, mode = defaultMode } = object;
  if (error.code !== "not_found" || !isDispensable(object)) throw error;
  if (!fallback || !("text" in fallback)) return [];
  return [{ path: objectName, mode, contents: new Redacted(Buffer.from(fallback.text.reveal())) }];
}
