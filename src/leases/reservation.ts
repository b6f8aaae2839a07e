import { ProviderError } from "../shared/errors.js";
import type { FairBudget } from "../shared/fair-budget.js";

/** What one Mount, or one request to Vault, has taken of the bytes in flight. */
export class Reservation {
  readonly #inFlight: FairBudget;
  readonly #namespace: string;
  readonly #refused: () => void;
  #bytes = 0;

  /** `refused` is told of each refusal. */
  constructor(inFlight: FairBudget, namespace: string, refused: () => void) {
    this.#inFlight = inFlight;
    this.#namespace = namespace;
    this.#refused = refused;
  }

  /** Takes so many more. Throws `limit_exceeded` when the namespace has its share, and has taken nothing then. */
  take(bytes: number): void {
    if (!this.#inFlight.take(this.#namespace, bytes)) {
      this.#refused();
      throw new ProviderError(
        "limit_exceeded",
        `the secrets on their way to pods of namespace ${this.#namespace} fill its share of limits.inFlightBytes; the next Mount tries again. If those of this volume fill it alone, put them into several classes and volumes, or have the limit raised`,
      );
    }
    this.#bytes += bytes;
  }

  /** Takes what it lacks of so many. Throws as `take` does. */
  raiseTo(bytes: number): void {
    if (bytes > this.#bytes) this.take(bytes - this.#bytes);
  }

  /** Takes so many for a while; what it gives gives them back. Throws as `take` does. */
  lend(bytes: number): () => void {
    this.take(bytes);
    return () => {
      const left = Math.min(bytes, this.#bytes);
      this.#inFlight.release(this.#namespace, left);
      this.#bytes -= left;
    };
  }

  /** Gives back all of it. */
  release(): void {
    this.#inFlight.release(this.#namespace, this.#bytes);
    this.#bytes = 0;
  }
}
