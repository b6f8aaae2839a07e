import { ProviderError } from "../shared/errors.js";
import type { FairBudget } from "../shared/fair-budget.js";

/** A namespace's share of the bytes in flight is used up, until others of its Mounts are answered. */
export class ShareFull extends ProviderError {
  override readonly name = "ShareFull";
}

/**
 * The bytes in flight that one Mount, or one request to Vault, has reserved. Once released it takes no more: nobody would
 * release that.
 */
export class Reservation {
  readonly #inFlight: FairBudget;
  readonly #namespace: string;
  readonly #refused: () => void;
  #bytes = 0;
  #isReleased = false;

  /** `refused` is called for each refusal. */
  constructor(inFlight: FairBudget, namespace: string, refused: () => void) {
    this.#inFlight = inFlight;
    this.#namespace = namespace;
    this.#refused = refused;
  }

  /**
   * Takes so many more. Throws, without taking any: `ShareFull` when the namespace has used its share, `cancelled` after
   * `release`.
   */
  take(bytes: number): void {
    if (this.#isReleased) throw new ProviderError("cancelled", "the Mount has ended, and takes no more secrets");
    if (!this.#inFlight.take(this.#namespace, bytes)) {
      this.#refused();
      throw new ShareFull(
        "limit_exceeded",
        `the secrets on their way to pods of namespace ${this.#namespace} fill its share of limits.inFlightBytes; the next Mount tries again. If those of this volume fill it alone, put them into several classes and volumes, or have the limit raised`,
      );
    }
    this.#bytes += bytes;
  }

  /** Takes what is missing to so many. Throws as `take` does. */
  raiseTo(bytes: number): void {
    if (bytes > this.#bytes) this.take(bytes - this.#bytes);
  }

  /** Takes so many until the returned function is called. Throws as `take` does. */
  lend(bytes: number): () => void {
    this.take(bytes);
    return () => {
      const left = Math.min(bytes, this.#bytes);
      this.#inFlight.release(this.#namespace, left);
      this.#bytes -= left;
    };
  }

  /** Releases all of it, for good. */
  release(): void {
    this.#isReleased = true;
    this.#inFlight.release(this.#namespace, this.#bytes);
    this.#bytes = 0;
  }
}
