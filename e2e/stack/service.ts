import { type ProgramOptions, type RunningProgram, runProgram, untilReady } from "./running-program.js";

export interface ServiceOptions extends ProgramOptions {
  /** Throws until the program does its work. */
  readonly ready: () => Promise<unknown>;
}

/** A program that can be ended and started again in its place: same arguments, same log. */
export class Service {
  #program: RunningProgram | undefined;

  constructor(readonly options: ServiceOptions) {}

  /** Resolves when it is ready. Throws when it ends instead; one that runs already stays. */
  async start(signal: AbortSignal): Promise<void> {
    this.#program ??= runProgram(this.options);
    await untilReady(this.#program, this.options.ready, signal);
  }

  /** Ends it by its stop signal, and by force where that does not help. Resolves when it is gone; it may not run. */
  async stop(): Promise<void> {
    await this.#program?.stop();
    this.#program = undefined;
  }

  /** Ends it as a crash would. */
  async crash(): Promise<void> {
    this.#program?.kill("SIGKILL");
    await this.#program?.ended;
    this.#program = undefined;
  }
}
