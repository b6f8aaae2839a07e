import type { Look, Round } from "./round.js";

/** Steps of which each needs those before: once one is not passed, the rest is not looked at. */
export class Path {
  readonly #round: Round;
  #blockedBy: string | undefined;

  constructor(round: Round) {
    this.#round = round;
  }

  /** Why nothing more is looked at, where that is so. */
  get blockedBy(): string | undefined {
    return this.#blockedBy;
  }

  block(because: string): void {
    this.#blockedBy ??= because;
  }

  async look<T>(look: Look<T>): Promise<T | undefined> {
    if (this.#blockedBy !== undefined) {
      this.#round.skip(look.step, this.#blockedBy, look.subject);
      return undefined;
    }
    const value = await this.#round.look(look);
    if (value === undefined) this.block(`needs ${look.step} first`);
    return value;
  }
}
