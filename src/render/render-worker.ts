import { createHash } from "node:crypto";
import { LruCache } from "../shared/lru-cache.js";
import type { Job, Renderer } from "../mount/ports.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import { FairQueue, type Waiting } from "../shared/fair-queue.js";
import { SingleFlight } from "../shared/single-flight.js";
import { within } from "../shared/within.js";
import { contentsOf, taskOf } from "./jobs.js";
import type { TaskResult, Task, TemplateName } from "./tasks.js";
import { type Ended, WorkProcess } from "./work-process.js";
import type { WorkerEnd, WorkerEvent } from "./worker-event.js";

export interface RenderWorkerParts {
  /** The worker's code, as a file that this Node can run. */
  worker: URL;
  clock: Clock;
  emit: (event: WorkerEvent) => void;
}

/** One task's time. A keystore takes a tenth, most templates a thousandth of it; a node may be busy. */
const taskMs = 2_000;

/** A process that has nothing to do gives its memory back after so long. */
const idleMs = 10_000;

/** What was too big or too slow is not tried again before. */
const refusedMs = 60_000;

/** Bytes of cached results, so that a republish with the same answers renders nothing. */
const keptBytes = 4 << 20;

/** Tasks hold copies of secrets, up to 4 MiB each, while they wait. */
const waitingLimits = { ofTenant: 1_000, weight: 8 << 20 };

/** What no republish has asked for in so long is forgotten: the pods that it was for are gone. */
const unusedMs = 10 * 60_000;

interface Kept {
  result: TaskResult;
  /** `Clock.monotonic()` */
  usedAt: number;
  /** `Clock.monotonic()`; forever without. */
  until?: number;
}

/** A task that waits for the worker, and who waits for it. */
interface Pending extends Waiting {
  task: Task;
  done: (result: TaskResult) => void;
  failed: (reason: unknown) => void;
}

/**
 * Makes templates and keystores in a process of its own, one after another: begun with the first task, ended when there
 * was none for a while. What it made is kept by its input.
 */
export class RenderWorker implements Renderer {
  readonly #parts: RenderWorkerParts;
  readonly #kept = new LruCache<Kept>(keptBytes);
  readonly #shared = new SingleFlight<TaskResult>();
  readonly #queue = new FairQueue<Pending>(waitingLimits);
  readonly #closed = new AbortController();
  #process: Promise<WorkProcess> | undefined;
  #busy = false;
  #rest: AbortController | undefined;
  #sweeping = false;

  constructor(parts: RenderWorkerParts) {
    this.#parts = parts;
  }

  async render(job: Job, tenant: string, signal: AbortSignal): Promise<Buffer> {
    return contentsOf(job, await this.#result(taskOf(job), tenant, signal));
  }

  /** Which variables a template reads, `name` or `source.name`, or what is wrong with it. */
  async look(text: string, signal: AbortSignal): Promise<Looked> {
    const result = await this.#result({ kind: "names", text }, "", signal);
    if (!result.ok) return { mistake: result.message, line: result.line ?? 1, column: result.column ?? 1 };
    return { names: JSON.parse(Buffer.from(result.contents).toString()) as TemplateName[] };
  }

  /** Ends the process; what waits is refused. */
  async close(): Promise<void> {
    this.#closed.abort(new ProviderError("unavailable", "keymount is stopping"));
    this.#rest?.abort();
    for (let next = this.#queue.take(); next; next = this.#queue.take())
      next.failed(ProviderError.from(this.#closed.signal.reason));
    await this.#endProcess();
  }

  async #result(task: Task, tenant: string, signal: AbortSignal): Promise<TaskResult> {
    const key = keyOf(task);
    const kept = this.#kept.get(key);
    const now = this.#parts.clock.monotonic();
    if (kept && (kept.until === undefined || now < kept.until)) {
      kept.usedAt = now;
      return kept.result;
    }
    const work = (abandoned: AbortSignal) => this.#inTurn(task, tenant, abandoned);
    const result = await this.#shared.run(key, work, { lasting: () => false }, signal);
    this.#keep(key, result);
    return result;
  }

  #keep(key: string, result: TaskResult): void {
    if (!result.ok && result.code === "internal") return;
    const passing = !result.ok && result.code === "limit_exceeded";
    const usedAt = this.#parts.clock.monotonic();
    const until = passing ? { until: usedAt + refusedMs } : {};
    // A message that names the keys of a secret may take two bytes for each character.
    const bytes = result.ok ? result.contents.length : 2 * result.message.length;
    this.#kept.set(key, { result, usedAt, ...until }, 256 + bytes);
    void this.#sweep();
  }

  /** Forgets unused results, as long as there are any. Never throws. */
  async #sweep(): Promise<void> {
    if (this.#sweeping || this.#closed.signal.aborted) return;
    this.#sweeping = true;
    const { clock } = this.#parts;
    while (this.#kept.size > 0) {
      const closed = await clock.sleep(unusedMs, this.#closed.signal).catch(() => "closed" as const);
      if (closed) return;
      this.#kept.removeIf(({ usedAt }) => clock.monotonic() - usedAt >= unusedMs);
    }
    this.#sweeping = false;
  }

  #inTurn(task: Task, tenant: string, signal: AbortSignal): Promise<TaskResult> {
    return new Promise((done, failed) => {
      this.#closed.signal.throwIfAborted();
      const pending = { tenant, rank: 0, weight: bytesOf(task), task, done, failed };
      for (const left of this.#queue.add(pending)) left.failed(tooManyWait());
      const leave = () => {
        this.#queue.remove(pending);
        failed(ProviderError.from(signal.reason));
      };
      signal.addEventListener("abort", leave, { once: true });
      void this.#drain();
    });
  }

  /** Does what is in the line, one after another; rests when it is empty. Never throws. */
  async #drain(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    this.#rest?.abort();
    for (let next = this.#queue.take(); next; next = this.#queue.take()) {
      this.#queue.charge(next.tenant, await this.#workOn(next));
    }
    this.#busy = false;
    void this.#endWhenIdle();
  }

  /** Milliseconds that it took. Never throws. */
  async #workOn({ task, done, failed }: Pending): Promise<number> {
    const { clock, emit } = this.#parts;
    const startedAt = clock.monotonic();
    const outcome = await this.#work(task).then(
      (result) => {
        done(result);
        return result.ok ? "ok" : result.code;
      },
      (reason: unknown) => {
        failed(reason);
        return ProviderError.from(reason).code;
      },
    );
    const tookMs = clock.monotonic() - startedAt;
    emit({ kind: "worked", task: task.kind, outcome, ms: tookMs });
    return tookMs;
  }

  async #work(task: Task): Promise<TaskResult> {
    const child = await this.#processAtWork();
    const { isFresh } = child;
    const came = await within(taskMs, child.work(task), this.#parts.clock);
    const isDone = came !== "too late" && "ok" in came;
    if (!isDone && !this.#closed.signal.aborted) this.#parts.emit({ kind: "workerEnded", reason: endOf(came) });
    // What it came to its limits with may still be in its memory.
    if (!isDone || (!came.ok && came.code === "limit_exceeded")) await this.#endProcess();
    if (isDone) return came;
    this.#closed.signal.throwIfAborted();
    if (came === "too late") return tooMuch(`takes longer than ${taskMs / 1_000} s`);
    // A task before may have left too little for this one.
    if (!isFresh) return this.#work(task);
    if (came.ofMemory) return tooMuch("takes too much memory");
    this.#parts.emit({ kind: "workerFailed", reason: came.reason });
    throw new ProviderError("unavailable", "the process that makes it failed");
  }

  async #processAtWork(): Promise<WorkProcess> {
    this.#process ??= WorkProcess.start(this.#parts.worker);
    try {
      return await this.#process;
    } catch (reason) {
      this.#process = undefined;
      this.#parts.emit({ kind: "workerFailed", reason });
      this.#parts.emit({ kind: "workerEnded", reason: "start" });
      throw new ProviderError("unavailable", "the process that makes it does not start");
    }
  }

  async #endWhenIdle(): Promise<void> {
    if (this.#closed.signal.aborted) return;
    const rest = (this.#rest = new AbortController());
    try {
      await this.#parts.clock.sleep(idleMs, rest.signal);
    } catch {
      return; // There is work again.
    }
    if (!this.#busy) await this.#endProcess();
  }

  async #endProcess(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    await child?.then(
      (one) => one.end(),
      () => undefined,
    );
  }
}

export type Looked = { names: TemplateName[] } | { mistake: string; line: number; column: number };

function tooMuch(what: string): TaskResult {
  return { ok: false, code: "limit_exceeded", message: `${what} to make` };
}

function tooManyWait(): ProviderError {
  const { ofTenant, weight } = waitingLimits;
  return new ProviderError(
    "limit_exceeded",
    `too much of this namespace waits to be made: at most ${ofTenant} files, and ${weight >> 20} MiB of all namespaces; it is made at a later Mount`,
  );
}

function endOf(came: "too late" | Ended): WorkerEnd {
  if (came === "too late") return "timeout";
  return came.ofMemory ? "memory" : "crash";
}

/** All texts of a task, in a fixed order. */
function textsOf(task: Task): string[] {
  switch (task.kind) {
    case "template":
      return [task.kind, task.text, task.data];
    case "names":
      return [task.kind, task.text];
    case "keystore": {
      const { kind, key = "", certificates, password, alias, legacy } = task;
      return [kind, key, password, alias, String(legacy), ...certificates];
    }
  }
}

/** UTF-16 units, nearly what it takes of memory: secrets are mostly ASCII. */
function bytesOf(task: Task): number {
  return textsOf(task).reduce((sum, text) => sum + text.length, 0);
}

/** Equal for equal tasks. Hashed part by part, each after its length: a copy of all would be as long as they are together. */
function keyOf(task: Task): string {
  const hash = createHash("sha256");
  for (const text of textsOf(task)) hash.update(`${text.length}:`).update(text);
  return hash.digest("base64");
}
