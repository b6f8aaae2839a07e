import type { OneByOne } from "../shared/one-by-one.js";
import { keystoreJob } from "./formats/keystore-job.js";
import type { MountedFile, ObjectSpec } from "./mount-spec.js";
import type { Job, Renderer } from "./ports.js";
import { type FileContext, fileOf, filesOf, filesOfSecrets } from "./secret-file.js";
import type { AnswerTo } from "./secret-value.js";
import { templateJob } from "./template-job.js";

/** What the files of a volume are made with, beside the answers. */
export interface RenderContext extends FileContext {
  renderer: Renderer;
  /** What is given to the renderer: one job after another, for each holds a copy of its secrets until it is done. */
  jobs: OneByOne;
  /** The pod's Kubernetes namespace. */
  tenant: string;
  /** Counts bytes that a job holds, until what it gives is called. Throws `limit_exceeded`. */
  lend: (bytes: number) => () => void;
}

/**
 * The files of one object; templates and keystores are made beside the event loop, all else at once. Throws `ProviderError`, or
 * rejects with it.
 */
export function makeFiles(
  object: ObjectSpec,
  answerTo: AnswerTo,
  context: RenderContext,
  signal: AbortSignal,
): readonly MountedFile[] | Promise<readonly MountedFile[]> {
  if (object.recursive) return filesOfSecrets(object, object.recursive, answerTo, context);
  if (!object.template && !object.keystore) return filesOf(object, answerTo(object.request), context);
  const contents = context.jobs.run(async () => {
    signal.throwIfAborted();
    const job = jobOf(object, answerTo);
    const release = context.lend(bytesOf(job));
    return context.renderer.render(job, context.tenant, signal).finally(release);
  });
  return contents.then((bytes) => [fileOf(object, bytes)]);
}

/** A template's data may be six times its secrets, for `<` is six characters in JSON. */
function bytesOf(job: Job): number {
  if (job.kind === "template") return job.text.length + job.data.reveal().length;
  return (job.key?.reveal().length ?? 0) + job.certificates.reduce((sum, { length }) => sum + length, 0);
}

/** Of a template or a keystore. */
function jobOf(object: ObjectSpec, answerTo: AnswerTo): Job {
  const { template, keystore } = object;
  return template ? templateJob(object, template, answerTo) : keystoreJob(object, keystore!, answerTo);
}
