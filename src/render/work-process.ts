import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { TaskResult, Task } from "./tasks.js";

/** Of its heap; what a filter makes outside of it is counted by `template-engine.ts`. */
const flags = ["--max-old-space-size=24", "--max-semi-space-size=1"];

/** No signal opens an inspector in it either, where this Node knows the flag. */
const inherited = ["--disable-sigusr1"];

/** It ended without an answer. */
export interface Ended {
  /** Whether for want of memory: V8 aborts, the kernel kills. */
  ofMemory: boolean;
  reason: Error;
}

/**
 * A process that does one task after another. Not a thread: V8 gives the whole process up where a thread asks at once for
 * more than its heap has left, as the comparison of two long texts does. Once it has ended it is of no use.
 */
export class WorkProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<Ended>;
  #waiting: ((result: TaskResult) => void) | undefined;
  #tasks = 0;

  private constructor(child: ChildProcess, ended: Promise<Ended>) {
    this.#child = child;
    this.#ended = ended;
    child.on("message", (result: TaskResult) => this.#waiting?.(result));
  }

  /** Resolves when it takes tasks; rejects with the reason it does not. */
  static async start(file: URL): Promise<WorkProcess> {
    const child = fork(fileURLToPath(file), {
      execArgv: [...flags, ...process.execArgv.filter((flag) => inherited.includes(flag))],
      env: { UV_THREADPOOL_SIZE: "1" },
      serialization: "advanced",
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    const ended = new Promise<Ended>((resolve) => {
      // Not `once`: a later error, of a failed kill, would be uncaught and end keymount.
      child.on("error", (reason) => resolve({ ofMemory: false, reason }));
      child.once("exit", (code, signal) => {
        const ofMemory = signal === "SIGABRT" || signal === "SIGKILL" || code === 134;
        resolve({ ofMemory, reason: new Error(`the worker ended with ${signal ?? code}`) });
      });
    });
    const ready = new Promise<"ready">((resolve) => child.once("message", () => resolve("ready")));
    const came = await Promise.race([ready, ended]);
    if (came !== "ready") throw came.reason;
    const made = new WorkProcess(child, ended);
    made.#rest();
    return made;
  }

  /** Whether a task has left something in its memory. */
  get isFresh(): boolean {
    return this.#tasks === 0;
  }

  async work(task: Task): Promise<TaskResult | Ended> {
    const answered = new Promise<TaskResult>((resolve) => {
      this.#waiting = resolve;
    });
    this.#tasks += 1;
    this.#child.ref();
    this.#child.channel?.ref();
    // Whether it could be sent shows in how it ends.
    if (this.#child.connected) this.#child.send(task, () => undefined);
    return Promise.race([answered, this.#ended]).finally(() => this.#rest());
  }

  /** Ends it at once, even during a task. */
  async end(): Promise<void> {
    // A waiter must not end before the process has.
    this.#child.ref();
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  /** Ours may end while it has nothing to do. */
  #rest(): void {
    this.#child.unref();
    this.#child.channel?.unref();
  }
}
