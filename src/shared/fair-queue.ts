/** Something that waits for its turn. */
export interface Waiting {
  /** The unit of fairness: a Kubernetes namespace. */
  tenant: string;
  /** 0 is the most urgent. */
  rank: number;
  /** What it takes of the queue's capacity. */
  weight: number;
}

export interface QueueLimits {
  /** Of all together. */
  weight: number;
  /** Items of one tenant; without it, any number. */
  ofTenant?: number;
}

interface Account {
  /** What the tenant was charged, counted from the start of the queue's current busy time. */
  used: number;
  items: number;
  weight: number;
}

interface Entry<T> {
  item: T;
  account: Account;
}

/** One turn in so many ignores ranks, so that a flood of the urgent does not starve the rest. */
const turnsPerUnranked = 8;

/**
 * A queue whose next item is the most urgent, of the tenant that was charged least, in the order of arrival. A tenant that
 * joins a busy queue starts level with the tenant served last (start-time fair queueing, Goyal et al. 1996). When the queue
 * is full, the tenant that holds most of it loses its newest, least urgent items.
 */
export class FairQueue<T extends Waiting> {
  readonly #limits: QueueLimits;
  /** In the order of arrival. */
  readonly #entries: Entry<T>[] = [];
  readonly #accounts = new Map<string, Account>();
  #weight = 0;
  #served = 0;
  #turns = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** Gives those that have to leave for it, the newcomer itself perhaps among them. */
  add(item: T): T[] {
    const account = this.#account(item.tenant);
    if (account.items >= (this.#limits.ofTenant ?? Infinity)) return [item];
    if (account.items === 0) account.used = Math.max(account.used, this.#served);
    this.#entries.push({ item, account });
    this.#count(account, item, 1);
    const leaving: T[] = [];
    while (this.#weight > this.#limits.weight) {
      const newest = this.#newestOfHeaviest();
      this.remove(newest);
      leaving.push(newest);
    }
    return leaving;
  }

  /** The next of those that `admits` lets go on; it leaves the queue. */
  take(admits: (item: T) => boolean = () => true): T | undefined {
    if (this.size === 0) {
      this.#accounts.clear();
      this.#served = 0;
      return undefined;
    }
    const isRanked = (this.#turns + 1) % turnsPerUnranked !== 0;
    let next: Entry<T> | undefined;
    let nextAt = 0;
    for (let at = 0; at < this.#entries.length; at += 1) {
      const entry = this.#entries[at]!;
      if ((next && !isBefore(entry, next, isRanked)) || !admits(entry.item)) continue;
      next = entry;
      nextAt = at;
    }
    if (!next) return undefined;
    this.#turns += 1;
    this.#served = next.account.used;
    this.#removeAt(nextAt);
    return next.item;
  }

  /** Takes out an item that no longer waits. */
  remove(item: T): void {
    const at = this.#entries.findIndex((entry) => entry.item === item);
    if (at >= 0) this.#removeAt(at);
  }

  /** What a turn of the tenant cost, in any unit that all turns share. */
  charge(tenant: string, cost: number): void {
    this.#account(tenant).used += cost;
  }

  #removeAt(at: number): void {
    const { account, item } = this.#entries[at]!;
    this.#entries.splice(at, 1);
    this.#count(account, item, -1);
  }

  #account(tenant: string): Account {
    const account = this.#accounts.get(tenant) ?? { used: 0, items: 0, weight: 0 };
    this.#accounts.set(tenant, account);
    return account;
  }

  #count(account: Account, { weight }: T, sign: 1 | -1): void {
    account.items += sign;
    account.weight += sign * weight;
    this.#weight += sign * weight;
  }

  #newestOfHeaviest(): T {
    const heaviest = [...this.#accounts.values()].reduce((most, one) => (one.weight > most.weight ? one : most));
    const its = this.#entries.filter(({ account }) => account === heaviest).map(({ item }) => item);
    return its.reduce((last, item) => (item.rank >= last.rank ? item : last));
  }
}

/** Whether the later arrival `a` goes before `b`. */
function isBefore(a: Entry<Waiting>, b: Entry<Waiting>, isRanked: boolean): boolean {
  if (isRanked && a.item.rank !== b.item.rank) return a.item.rank < b.item.rank;
  return a.account.used < b.account.used;
}
