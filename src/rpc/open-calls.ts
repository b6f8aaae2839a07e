import type { ProviderError } from "../shared/errors.js";
import { LeanAbortController } from "../shared/lean-abort-controller.js";

/** The calls under way, and the two steps of stopping: `refuse` lets no new ones in, `abort` ends those that are left. */
export class OpenCalls {
  readonly #abort = new LeanAbortController();
  #refusal: ProviderError | undefined;
  #open = 0;
  #whenIdle: (() => void)[] = [];

  /** Aborts with the error given to `abort`. */
  get aborted(): AbortSignal {
    return this.#abort.signal;
  }

  /** Runs one call; rejects with what was given to `refuse`. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#refusal) throw this.#refusal;
    this.#open += 1;
    try {
      return await work();
    } finally {
      this.#open -= 1;
      if (this.#open === 0) for (const wake of this.#whenIdle.splice(0)) wake();
    }
  }

  refuse(error: ProviderError): void {
    this.#refusal = error;
  }

  abort(error: ProviderError): void {
    this.#abort.abort(error);
  }

  /** Resolves when no call is under way. */
  idle(): Promise<void> {
    return this.#open === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenIdle.push(resolve));
  }
}
