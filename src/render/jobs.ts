import type { Job } from "../mount/ports.js";
import { ProviderError } from "../shared/errors.js";
import type { TaskResult, Task } from "./tasks.js";

/** A job as what the other process is given: a message can hold plain data only. */
export function taskOf(job: Job): Task {
  if (job.kind === "template") return { ...job, data: job.data.reveal() };
  const { key, password, ...open } = job;
  return { ...open, password: password.reveal(), ...(key && { key: key.reveal() }) };
}

/** What was made of a job, or why it was not, as an error. */
export function contentsOf({ kind }: Job, result: TaskResult): Buffer {
  if (result.ok) {
    const { buffer, byteOffset, length } = result.contents;
    return Buffer.from(buffer, byteOffset, length);
  }
  const position = result.line === undefined ? "" : `, line ${result.line}, column ${result.column}:`;
  throw new ProviderError(result.code, `the ${kind}${position} ${result.message}`);
}
