import type { CacheEntry } from "./secret-cache.js";

/** Entries that may be pushed out for room, in the order of their last use, told apart by namespace. */
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

  /** The one of this namespace that was not used for longest. */
  oldest(namespace: string): CacheEntry | undefined {
    return this.#ofNamespace.get(namespace)?.keys().next().value;
  }

  /** Those that have any. */
  namespaces(): Iterable<string> {
    return this.#ofNamespace.keys();
  }
}
