/** Values by key, the least recently used forgotten first, bounded by their weight. */
export class LruCache<V> {
  readonly #entries = new Map<string, { value: V; weight: number }>();
  readonly #limit: number;
  #weight = 0;
  /** The key used last, which is the last in the map while it is there: using it again moves nothing. */
  #newest: string | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    if (key !== this.#newest) {
      this.#entries.delete(key);
      this.#entries.set(key, entry);
      this.#newest = key;
    }
    return entry.value;
  }

  get size(): number {
    return this.#entries.size;
  }

  *values(): Iterable<V> {
    for (const { value } of this.#entries.values()) yield value;
  }

  removeIf(isOver: (value: V) => boolean): void {
    for (const [key, { value }] of this.#entries) if (isOver(value)) this.delete(key);
  }

  set(key: string, value: V, weight: number): void {
    this.delete(key);
    if (weight > this.#limit) return;
    this.#entries.set(key, { value, weight });
    this.#newest = key;
    this.#weight += weight;
    while (this.#weight > this.#limit) this.delete(this.#entries.keys().next().value!);
  }

  delete(key: string): void {
    this.#weight -= this.#entries.get(key)?.weight ?? 0;
    this.#entries.delete(key);
  }
}
