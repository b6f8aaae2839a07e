import { keystoreJob } from "./formats/keystore-job.js";
import type { MountedFile, ObjectSpec, VaultRequest } from "./mount-spec.js";
import type { Job, Workshop } from "./ports.js";
import { fileOf, filesOf } from "./secret-file.js";
import type { AnswerBody } from "./secret-value.js";
import { templateJob } from "./template-job.js";

/** What the files of a volume are made with, beside the answers. */
export interface Making {
  defaultMode: number;
  workshop: Workshop;
  /** The pod's Kubernetes namespace. */
  tenant: string;
}

/** The answer to a request of the object's. Throws what kept it from coming. */
export type AnswerTo = (request: VaultRequest) => AnswerBody;

/** The files of one object; templates and keystores are made beside the event loop. Throws `ProviderError`. */
export async function makeFiles(
  object: ObjectSpec,
  answerTo: AnswerTo,
  { defaultMode, workshop, tenant }: Making,
  signal: AbortSignal,
): Promise<readonly MountedFile[]> {
  const job = jobOf(object, answerTo);
  if (!job) return filesOf(object, answerTo(object.request), defaultMode);
  return [fileOf(object, await workshop.make(job, tenant, signal), defaultMode)];
}

function jobOf(object: ObjectSpec, answerTo: AnswerTo): Job | undefined {
  const { template, keystore } = object;
  if (template) return templateJob(object, template, answerTo);
  return keystore && keystoreJob(object, keystore, answerTo);
}
