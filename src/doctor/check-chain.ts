import type { Check, CheckRunner } from "./check-runner.js";

/** Steps of which each needs those before: once one is not passed, the rest is skipped. */
export class CheckChain {
  readonly #runner: CheckRunner;
  #blockedBy: string | undefined;

  constructor(runner: CheckRunner) {
    this.#runner = runner;
  }

  /** Why nothing more is looked at, where that is so. */
  get blockedBy(): string | undefined {
    return this.#blockedBy;
  }

  block(because: string): void {
    this.#blockedBy ??= because;
  }

  async check<T>(look: Check<T>): Promise<T | undefined> {
    if (this.#blockedBy !== undefined) {
      this.#runner.skip(look.step, this.#blockedBy, look.subject);
      return undefined;
    }
    const value = await this.#runner.check(look);
    if (value === undefined) this.block(`needs ${look.step} first`);
    return value;
  }
}
