import type { Random } from "../shared/random.js";
import { doubled, spread } from "../shared/backoff.js";
import { VaultError } from "./vault-error.js";

/** The time in which a node, a path or an engine that failed is not asked: twice as long after each failure in a row. */
export class Cooldown {
  readonly #random: Random;
  readonly #shortestMs: number;
  #times = 0;
  #until = 0;
  #error!: VaultError;

  constructor(random: Random, shortestMs: number) {
    this.#random = random;
    this.#shortestMs = shortestMs;
  }

  /** Milliseconds until requests are admitted again; 0 where they are. */
  leftMs(now: number): number {
    return Math.max(0, this.#until - now);
  }

  /** Starts the next cooldown. Requests under way when the last one began, and failed too, do not extend it. */
  begin(error: VaultError, longestMs: number, now: number): void {
    if (now < this.#until) return;
    this.#times += 1;
    this.#error = error;
    this.#until = now + spread(doubled(this.#shortestMs, longestMs, this.#times), this.#random());
  }

  /** After a success. */
  end(): void {
    this.#times = 0;
    this.#until = 0;
  }

  /** While it lasts: the failure that began it, and the time of the next request. */
  refusal(now: number): VaultError {
    const { kind, message, status } = this.#error;
    const seconds = Math.max(1, Math.ceil(this.leftMs(now) / 1000));
    return new VaultError(kind, `${message}; it is asked again in ${seconds} s`, { status });
  }
}
