/** Joins concurrent work on one key. A result is never remembered: the slot empties when the work settles. */
export class SingleFlight<T> {
  readonly #pending = new Map<string, Promise<T>>();

  get size(): number {
    return this.#pending.size;
  }

  run(key: string, start: () => Promise<T>): Promise<T> {
    const joined = this.#pending.get(key);
    if (joined) return joined;
    const started = start().finally(() => this.#pending.delete(key));
    this.#pending.set(key, started);
    return started;
  }
}
