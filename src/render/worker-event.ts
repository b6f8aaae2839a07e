import type { ErrorCode } from "../shared/errors.js";
import type { Task } from "./tasks.js";

/**
 * - `timeout`: a task took too long.
 * - `memory`: it filled its heap, or the kernel took it.
 * - `crash`: it ended by itself.
 * - `start`: it did not come up.
 */
export type WorkerEnd = "timeout" | "memory" | "crash" | "start";

/** What happens in the process of templates and keystores. */
export type WorkerEvent =
  /** One task was worked on for so long; `outcome` is `ok` or the error's code. */
  | { kind: "worked"; task: Task["kind"]; outcome: "ok" | ErrorCode; ms: number }
  /** Why the process did not start, or ended unexpectedly. */
  | { kind: "workerFailed"; reason: unknown }
  /** It is gone before its time; the next task has another started. */
  | { kind: "workerEnded"; reason: WorkerEnd };
