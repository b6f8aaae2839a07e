import type { CacheEntry } from "./cache-entry.js";

/** Entries that may be evicted, in the order of their last use, by namespace. */
export class EvictionOrder {
  readonly #ofNamespace = new Map<string, Set<CacheEntry>>();

  /** It was used just now. */
  renew(entry: CacheEntry): void {
    const entries = this.#ofNamespace.get(entry.namespace) ?? new Set<CacheEntry>();
    entries.delete(entry);
    entries.add(entry);
    this.#ofNamespace.set(entry.namespace, entries);
  }

  has(entry: CacheEntry): boolean {
    return this.#ofNamespace.get(entry.namespace)?.has(entry) ?? false;
  }

  remove(entry: CacheEntry): void {
    const entries = this.#ofNamespace.get(entry.namespace);
    entries?.delete(entry);
    if (entries?.size === 0) this.#ofNamespace.delete(entry.namespace);
  }

  /** The least recently used one of this namespace. */
  oldest(namespace: string): CacheEntry | undefined {
    return this.#ofNamespace.get(namespace)?.keys().next().value;
  }

  /** The namespaces that have any. */
  namespaces(): Iterable<string> {
    return this.#ofNamespace.keys();
  }
}
