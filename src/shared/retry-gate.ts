import { LruCache } from "./lru-cache.js";

/** Beside key and message: the entry, and an error with its stack. */
const bytesPerFailure = 1024;

interface Failed<E> {
  failures: number;
  notBefore: number;
  error: E;
}

/**
 * Remembers which operations failed and the earliest time of their retry, so that no caller
 * hammers an upstream. Bounded in bytes, since keys and messages hold foreign text: the failure that was
 * not used for longest is forgotten first, which costs one early attempt.
 */
export class RetryGate<E extends { message: string }> {
  readonly #failed: LruCache<Failed<E>>;

  constructor(mostBytes: number) {
    this.#failed = new LruCache(mostBytes);
  }

  /** The last failure, while it is too early to try again. */
  tooEarly(key: string, now: number): E | undefined {
    const failed = this.#failed.get(key);
    return failed && now < failed.notBefore ? failed.error : undefined;
  }

  /** Records a failure; `delayMs` gets the number of failures in a row. */
  failed(key: string, error: E, now: number, delayMs: (failures: number) => number): void {
    const failures = (this.#failed.get(key)?.failures ?? 0) + 1;
    const bytes = bytesPerFailure + 2 * (key.length + error.message.length);
    this.#failed.set(key, { failures, notBefore: now + delayMs(failures), error }, bytes);
  }

  succeeded(key: string): void {
    this.#failed.delete(key);
  }
}
