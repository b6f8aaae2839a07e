import { createHash } from "node:crypto";
import { ProviderError } from "../shared/errors.js";
import type { Redacted } from "../shared/redacted.js";
import { allOrNothing } from "./all-or-nothing.js";
import { fitsTheDriver } from "./deliverable.js";
import type { MountSpec, MountedFile, ObjectSpec } from "./mount-spec.js";
import { objectVersion } from "./object-version.js";
import type { Answers, Visit, Visitor } from "./ports.js";
import { filesOf } from "./secret-file.js";

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
  const objects = await allOrNothing(
    spec.class.objects.map((object) => ({
      name: object.objectName,
      result: makeObject(object, spec, visit, parts, signal),
    })),
  );
  const files = objects.flatMap((made) => made.files);
  const versions = objects.map(({ object, version }) => ({ id: object.objectName, version }));
  const again = () => spec.class.objects.forEach(({ request }) => visit.readAgain(request));
  const bytes = orElse(() => fitsTheDriver(files, parts.responseBytes), again);
  const { unchanged } = visit.conclude(digest(versions));
  const held = objects.flatMap(({ object, heldBecause }) =>
    heldBecause ? [{ objectName: object.objectName, error: heldBecause }] : [],
  );
  return { files, versions, held, bytes, unchanged };
}

async function makeObject(
  object: ObjectSpec,
  spec: MountSpec,
  visit: Visit,
  { versionKey }: MountParts,
  signal: AbortSignal,
): Promise<MadeObject> {
  const wish = { refreshIntervalMs: object.refreshIntervalMs, onDenied: spec.class.onDenied };
  const { body, heldBecause } = await visit.answer(object.request, wish, signal);
  const files = orElse(
    () => filesOf(object, body, spec.defaultMode),
    () => visit.readAgain(object.request),
  );
  return { object, files, version: objectVersion(versionKey, files), ...(heldBecause && { heldBecause }) };
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
