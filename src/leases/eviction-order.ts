import type { Entry } from "./answer-book.js";

/** Entries that may be pushed out for room, in the order of their last use, told apart by namespace. */
export class EvictionOrder {
  readonly #ofNamespace = new Map<string, Set<Entry>>();

  /** It was used just now. */
  renew(entry: Entry): void {
    const entries = this.#ofNamespace.get(entry.namespace) ?? new Set<Entry>();
    entries.delete(entry);
    entries.add(entry);
    this.#ofNamespace.set(entry.namespace, entries);
  }

  has(entry: Entry): boolean {
    return this.#ofNamespace.get(entry.namespace)?.has(entry) ?? false;
  }

  remove(entry: Entry): void {
    const entries = this.#ofNamespace.get(entry.namespace);
    entries?.delete(entry);
    if (entries?.size === 0) this.#ofNamespace.delete(entry.namespace);
  }

  /** The one of this namespace that was not used for longest. */
  oldest(namespace: string): Entry | undefined {
    return this.#ofNamespace.get(namespace)?.keys().next().value;
  }

  /** Those that have any. */
  namespaces(): Iterable<string> {
    return this.#ofNamespace.keys();
  }
}
