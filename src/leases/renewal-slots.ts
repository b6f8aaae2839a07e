/** What a renewal depends on: `pool`s have slots of their own, an `engine` in a pool serves several `path`s. */
export interface RenewalGroup {
  /** Connection, and whether it is a token or a lease. */
  pool: string;
  /** An engine's or auth method's mount with its Vault namespace. */
  engine: string;
  /** A role of it: one database of several may hang. */
  path: string;
}

/** Renewals under way at once in a pool: a node that wakes up has all of its own due together. */
const ofPool = 8;
/** One engine leaves room for others, even if many of its renewals are due. */
const ofEngine = 6;
/** A path whose last renewal failed, and all such paths of a pool: each may hold its slot for a whole timeout. */
const [ofFailingPath, ofAllFailing] = [2, 4];
/** Failing paths remembered at once. */
const rememberedFailures = 1024;

/** Shares out how many renewals run at once, so that an engine that hangs never holds up another's. */
export class RenewalSlots {
  readonly #underWay = new Set<RenewalGroup>();
  readonly #failing = new Set<string>();

  /** Whether another of this group may start; if so it has a slot until `release` with the same group object. */
  take(group: RenewalGroup): boolean {
    const inPool = [...this.#underWay].filter(({ pool }) => pool === group.pool);
    const count = (which: (other: RenewalGroup) => boolean) => inPool.filter(which).length;
    if (inPool.length >= ofPool || count(({ engine }) => engine === group.engine) >= ofEngine) return false;
    if (this.#isFailing(group)) {
      if (count(({ path, engine }) => path === group.path && engine === group.engine) >= ofFailingPath) return false;
      if (count((other) => this.#isFailing(other)) >= ofAllFailing) return false;
    }
    this.#underWay.add(group);
    return true;
  }

  release(group: RenewalGroup, failed: boolean): void {
    this.#underWay.delete(group);
    const key = keyOf(group);
    this.#failing.delete(key);
    if (failed) this.#failing.add(key);
    const [oldest] = this.#failing;
    if (this.#failing.size > rememberedFailures && oldest !== undefined) this.#failing.delete(oldest);
  }

  #isFailing(group: RenewalGroup): boolean {
    return this.#failing.has(keyOf(group));
  }
}

function keyOf({ pool, engine, path }: RenewalGroup): string {
  return JSON.stringify([pool, engine, path]);
}
