import { createHash } from "node:crypto";
import { ProviderError } from "../shared/errors.js";
import { named, quoted } from "../shared/quoted.js";
import type { Redacted } from "../shared/redacted.js";
import { allOrNothing } from "./all-or-nothing.js";
import { fitsTheDriver } from "./deliverable.js";
import type { MountSpec, MountedFile, ObjectSpec } from "./mount-spec.js";
import { clashes } from "./object-name.js";
import { objectVersion } from "./object-version.js";
import type { Answers, Visit, Visitor } from "./ports.js";
import { requestKey } from "./request-key.js";
import { type AnswerBody, filesOf } from "./secret-file.js";

/** What the use case needs beside the request. */
export interface MountParts {
  answers: Answers;
  versionKey: Redacted<Buffer>;
  /** Bytes a response may have on the wire. */
  responseBytes: number;
}

/** A volume's whole content, and what is worth telling of how it came about. */
export interface MountedVolume {
  files: readonly MountedFile[];
  versions: readonly { id: string; version: string }[];
  /** Objects for which a held answer stands in for one that could not be had. */
  held: readonly { objectName: string; error: ProviderError }[];
  /** Bytes of the response on the wire, nearly. */
  bytes: number;
  /** The versions are those of the Mount before. */
  unchanged: boolean;
}

interface MadeObject {
  object: ObjectSpec;
  files: MountedFile[];
  version: string;
  heldBecause?: ProviderError;
}

/** Gives every file of the volume, or one error that names every failure: a pod must not see half a rotation. */
export async function mountVolume(
  spec: MountSpec,
  visitor: Visitor,
  parts: MountParts,
  signal: AbortSignal,
): Promise<MountedVolume> {
  const visit = parts.answers.visit(visitor);
  const groups = byRequest(spec.class.objects).map((group) => ({
    group,
    attempts: attemptAll(group, spec, visit, parts, signal),
  }));
  const results = new Map(
    groups.flatMap(({ group, attempts }) =>
      group.map((object) => [object, attempts.then((all) => all.get(object)!())] as const),
    ),
  );
  const objects = await allOrNothing(
    spec.class.objects.map((object) => ({ name: object.objectName, result: results.get(object)! })),
  );
  const files = objects.flatMap((made) => made.files);
  const versions = objects.map(({ object, version }) => ({ id: object.objectName, version }));
  const again = () => spec.class.objects.forEach(({ request }) => visit.former(request));
  const bytes = orElse(() => {
    fitTogether(objects);
    return fitsTheDriver(files, parts.responseBytes);
  }, again);
  const { unchanged } = visit.conclude(digest(versions));
  const held = objects.flatMap(({ object, heldBecause }) =>
    heldBecause ? [{ objectName: object.objectName, error: heldBecause }] : [],
  );
  return { files, versions, held, bytes, unchanged };
}

/** The names of files that keys have become are known only now. */
function fitTogether(objects: readonly MadeObject[]): void {
  if (!objects.some(({ object }) => object.spread)) return;
  const owners = objects.flatMap(({ object, files }) => files.map(({ path }) => ({ object, path })));
  for (const { index, other } of clashes(owners.map(({ path }) => path))) {
    const [one, two] = [owners[index]!, owners[other]!];
    throw new ProviderError(
      "invalid_request",
      `the file ${quoted(one.path)} of ${named(one.object.objectName)} and ${quoted(two.path)} of ${named(two.object.objectName)} cannot both be; rename a key, or choose others with keys`,
    );
  }
}

/** Objects of one request: they are made of one answer, never half of an old one and half of a new one. */
type Group = readonly [ObjectSpec, ...ObjectSpec[]];

function byRequest(objects: readonly ObjectSpec[]): Group[] {
  const groups = new Map<string, [ObjectSpec, ...ObjectSpec[]]>();
  for (const object of objects) {
    const key = requestKey(object.request);
    const group = groups.get(key);
    if (group) group.push(object);
    else groups.set(key, [object]);
  }
  return [...groups.values()];
}

/** Gives the object, or throws why it cannot be made. */
type Attempt = () => MadeObject;

/** Where no files can be made of a new answer, they are made of the one the volume has, as if it had not come. */
async function attemptAll(
  group: Group,
  { class: { onDenied }, defaultMode }: MountSpec,
  visit: Visit,
  { versionKey }: MountParts,
  signal: AbortSignal,
): Promise<ReadonlyMap<ObjectSpec, Attempt>> {
  const attempt = (body: AnswerBody, heldBecause?: ProviderError) =>
    new Map(
      group.map((object) => [object, tried(() => makeObject(object, body, defaultMode, versionKey, heldBecause))]),
    );
  const [{ request }] = group;
  const refreshIntervalMs = Math.min(...group.map((object) => object.refreshIntervalMs));
  const { body, heldBecause } = await visit.answer(request, { refreshIntervalMs, onDenied }, signal);
  const attempts = attempt(body, heldBecause);
  const fault = faultIn(attempts);
  const former = fault && visit.former(request);
  if (!former || onDenied === "fail") return attempts;
  const again = attempt(former, fault);
  return faultIn(again) ? attempts : again;
}

function makeObject(
  object: ObjectSpec,
  body: AnswerBody,
  defaultMode: number,
  versionKey: Redacted<Buffer>,
  heldBecause: ProviderError | undefined,
): MadeObject {
  const files = filesOf(object, body, defaultMode);
  return { object, files, version: objectVersion(versionKey, files), ...(heldBecause && { heldBecause }) };
}

/** Tries now, and tells whenever it is asked how that went. */
function tried(make: Attempt): Attempt {
  try {
    const made = make();
    return () => made;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

function faultIn(attempts: ReadonlyMap<ObjectSpec, Attempt>): ProviderError | undefined {
  for (const attempt of attempts.values()) {
    try {
      attempt();
    } catch (error) {
      return ProviderError.from(error);
    }
  }
  return undefined;
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
