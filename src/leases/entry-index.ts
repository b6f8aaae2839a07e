import type { VaultRequest } from "../mount/mount-spec.js";
import { requestKey } from "../mount/request-key.js";
import type { CacheEntry } from "./cache-entry.js";

/** The entries of the cache by owner key and request; finding one joins no key. */
export class EntryIndex {
  readonly #ofOwner = new Map<string, Map<string, CacheEntry>>();

  find(ownerKey: string, request: VaultRequest): CacheEntry | undefined {
    return this.#ofOwner.get(ownerKey)?.get(requestKey(request));
  }

  add(entry: CacheEntry): void {
    const entries = this.#ofOwner.get(entry.ownerKey) ?? new Map<string, CacheEntry>();
    entries.set(requestKey(entry.request), entry);
    this.#ofOwner.set(entry.ownerKey, entries);
  }

  delete({ ownerKey, request }: CacheEntry): void {
    const entries = this.#ofOwner.get(ownerKey);
    entries?.delete(requestKey(request));
    if (entries?.size === 0) this.#ofOwner.delete(ownerKey);
  }

  *values(): Iterable<CacheEntry> {
    for (const entries of this.#ofOwner.values()) for (const entry of entries.values()) yield entry;
  }
}
