import { LruCache } from "../shared/lru-cache.js";

/** What Vault answers sooner, it has room for; a kubernetes login waits for a TokenReview in it. */
const slowMs = 1_000;
/** From a first login on: when thousands of nodes boot together, none of them knows yet how busy Vault is. */
const atFirst = 2;
/** Auth mounts remembered at once. */
const remembered = 64;

/**
 * How many logins run at once at one auth mount: one more after each that was fast, half as many after one that was slow, at
 * least one. So the nodes of a fleet together ask for no more than Vault can answer in time (additive increase,
 * multiplicative decrease): a login that is given up costs Vault as much as one that is used, and leaves a token behind.
 */
export class LoginPace {
  readonly #most: number;
  readonly #paces = new LruCache<number>(remembered);

  constructor(most: number) {
    this.#most = most;
  }

  at(authMount: string): number {
    return this.#paces.get(authMount) ?? atFirst;
  }

  /** A login took so long, whatever came of it. */
  took(authMount: string, ms: number): void {
    const pace = this.at(authMount);
    this.#paces.set(authMount, ms > slowMs ? Math.max(1, pace >> 1) : Math.min(this.#most, pace + 1), 1);
  }
}
