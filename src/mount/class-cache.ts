import { LruCache } from "../shared/lru-cache.js";
import { classBytes } from "./class-bytes.js";
import { readClass } from "./class-parameters.js";
import type { ClassSpec } from "./mount-spec.js";
import { requestsOf } from "./object-requests.js";
import { retainedBytes } from "./retained-bytes.js";

/** What reading a class came to: a spec that every Mount of the class shares, or its mistakes, of which `more` are not named. */
export type CachedClass = { spec: ClassSpec } | { mistakes: readonly string[]; more: number };

/**
 * Classes that were read, those with mistakes too: reading one takes a millisecond, a hostile one forty, and its pods ask
 * again and again. Weighed in the bytes they keep, the least recently used forgotten first.
 */
export class ClassCache {
  readonly #cache: LruCache<CachedClass>;

  constructor(bytes: number) {
    this.#cache = new LruCache(bytes);
  }

  get size(): number {
    return this.#cache.size;
  }

  /** Whether reading the class of this digest takes no time. */
  knows(digest: string): boolean {
    return this.#cache.get(digest) !== undefined;
  }

  /** `digest` is that of the parameters; `refreshIntervalMs` is for classes that name none, and always the same. */
  read(parameters: ReadonlyMap<string, string>, digest: string, refreshIntervalMs: number): CachedClass {
    const known = this.#cache.get(digest);
    if (known) return known;
    const read = cachedClass(parameters, refreshIntervalMs);
    const bytes = "spec" in read ? classBytes(read.spec) : retainedBytes(read);
    this.#cache.set(digest, read, bytes);
    return read;
  }
}

function cachedClass(parameters: ReadonlyMap<string, string>, refreshIntervalMs: number): CachedClass {
  const { spec, findings, moreErrors } = readClass(parameters, refreshIntervalMs);
  const mistakes = findings.filter(({ level }) => level === "error").map(({ text }) => text);
  return mistakes.length > 0 ? { mistakes, more: moreErrors } : { spec: frozen(spec) };
}

function frozen(spec: ClassSpec): ClassSpec {
  for (const object of spec.objects) {
    for (const request of requestsOf(object)) Object.freeze(request);
    Object.freeze(object);
  }
  return Object.freeze(spec);
}
