import type { Entry } from "./answer-book.js";

/** Entries that may be pushed out for room, in the order of their last use, told apart by namespace. */
export class EvictionOrder {
  readonly #ofNamespace = new Map<string, Map<Entry, number>>();
  #uses = 0;

  /** It was used just now. */
  renew(entry: Entry): void {
    const entries = this.#ofNamespace.get(entry.namespace) ?? new Map<Entry, number>();
    entries.delete(entry);
    entries.set(entry, this.#uses++);
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

  /** The one of this namespace that was not used for longest, else of all. Takes time with the namespaces only. */
  oldest(namespace: string): Entry | undefined {
    const own = this.#ofNamespace.get(namespace);
    if (own) return own.keys().next().value;
    const firsts = [...this.#ofNamespace.values()].map((entries) => entries.entries().next().value!);
    return firsts.sort(([, a], [, b]) => a - b)[0]?.[0];
  }
}
