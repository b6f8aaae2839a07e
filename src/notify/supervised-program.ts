import type { Clock } from "../shared/clock.js";
import type { Program } from "./program.js";
import { stopProgram } from "./run-command.js";

const stopping: readonly NodeJS.Signals[] = ["SIGTERM", "SIGINT", "SIGQUIT"];

/** A program that runs until it ends by itself; a restart is no end. */
export class SupervisedProgram {
  readonly #start: () => Program;
  readonly #clock: Clock;
  readonly #stopMs: number;
  #program: Program;
  #isStopping = false;
  #isRestarting = false;
  #end!: (code: number | Promise<never>) => void;

  /** Its exit code, when it has ended. Rejects with `NotStarted`. */
  readonly ended = new Promise<number>((resolve) => (this.#end = resolve));

  constructor(start: () => Program, { clock, stopMs }: { clock: Clock; stopMs: number }) {
    this.#start = start;
    this.#clock = clock;
    this.#stopMs = stopMs;
    this.#program = this.#run();
  }

  /** After a signal that asks it to stop it is not restarted. */
  signal(name: NodeJS.Signals): void {
    if (stopping.includes(name)) this.#isStopping = true;
    this.#program.kill(name);
  }

  /** SIGTERM, SIGKILL after `stopMs`, and once more from the start. */
  async restart(): Promise<void> {
    if (this.#isStopping) return;
    this.#isRestarting = true;
    const code = await stopProgram(this.#program, this.#stopMs, this.#clock);
    this.#isRestarting = false;
    if (this.#isStopping) this.#end(code);
    else this.#program = this.#run();
  }

  #run(): Program {
    const program = this.#start();
    program.exited.then(
      (code) => {
        if (!this.#isRestarting) this.#end(code);
      },
      (error: unknown) => this.#end(Promise.reject(error as Error)),
    );
    return program;
  }
}
