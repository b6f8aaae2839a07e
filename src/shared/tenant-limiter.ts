import type { Clock, Timer } from "./clock.js";
import type { ProviderError } from "./errors.js";
import { LruCache } from "./lru-cache.js";

export interface TenantLimits {
  /** Pieces of work of one tenant at a time. */
  most: number;
  /** What one tenant may take a second, on average, in a unit of the caller's. */
  perSecond: number;
  /** What a tenant that took nothing for a while may take at once. */
  burst: number;
  /** What a tenant's first piece is expected to take. */
  first: number;
}

interface Tenant {
  running: number;
  begun: number;
  urgent: (() => void)[];
  others: (() => void)[];
  /** What the next piece is expected to take. */
  usual: number;
  /** When all that was taken is paid for at the rate (`Clock.monotonic()`): the algorithm's theoretical arrival time. */
  paidAt: number;
  /** Rings when the next may begin. */
  alarm?: Timer;
}

/** One start in so many ignores urgency, so that a flood of the urgent does not starve the rest. */
const startsPerOther = 8;
/** A piece that took less than was expected makes so much of the expectation of the next: a small one may come among large ones. */
const forgetting = 7 / 8;
/** Tenants remembered at once; one that is forgotten begins anew. */
const capacity = 1_024;

/**
 * Limits the concurrent work of each tenant, and how much it takes a second (the generic cell rate algorithm); the rest waits
 * where waiting costs little, urgent work first, and otherwise in the order of the calls. How much a piece takes is known only
 * while it is done: until then it is expected to take what those before did.
 */
export class TenantLimiter {
  readonly #most: number;
  readonly #first: number;
  readonly #perMs: number;
  readonly #burstMs: number;
  readonly #clock: Pick<Clock, "monotonic" | "timer">;
  readonly #tenants = new LruCache<Tenant>(capacity);

  constructor({ most, perSecond, burst, first }: TenantLimits, clock: Pick<Clock, "monotonic" | "timer">) {
    this.#most = most;
    this.#first = first;
    this.#perMs = perSecond / 1000;
    this.#burstMs = burst / this.#perMs;
    this.#clock = clock;
  }

  /**
   * Runs `work` when the tenant has a free slot; it says with `took` how much it takes in all, each time it knows of more.
   * Throws the signal's reason when it aborts before.
   */
  async run<T>(
    tenant: string,
    urgent: boolean,
    work: (took: (amount: number) => void) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const of = this.#tenants.get(tenant) ?? this.#newTenant(tenant);
    signal.throwIfAborted();
    const isNext = of.urgent.length + of.others.length === 0 && this.#waitMs(of) <= 0;
    let charged = isNext ? this.#start(of) : await this.#wait(of, urgent, signal);
    let taken = 0;
    const charge = (amount: number) => {
      of.paidAt += (amount - charged) / this.#perMs;
      charged = amount;
    };
    const took = (amount: number) => {
      taken = Math.max(taken, amount);
      if (taken > charged) charge(taken);
    };
    try {
      return await work(took);
    } finally {
      charge(taken);
      if (taken > 0) of.usual = Math.max(taken, of.usual * forgetting);
      of.running -= 1;
      this.#startNext(of);
    }
  }

  #newTenant(tenant: string): Tenant {
    const of = { running: 0, begun: 0, urgent: [], others: [], usual: this.#first, paidAt: -Infinity };
    this.#tenants.set(tenant, of, 1);
    return of;
  }

  /** Resolves, when the tenant may begin, with what it is charged. */
  #wait(of: Tenant, urgent: boolean, signal: AbortSignal): Promise<number> {
    const line = urgent ? of.urgent : of.others;
    return new Promise((resolve, reject) => {
      const start = () => {
        signal.removeEventListener("abort", abort);
        resolve(this.#start(of));
      };
      const abort = () => {
        line.splice(line.indexOf(start), 1);
        this.#startNext(of); // Where nobody waits any more, no alarm keeps the process alive.
        reject(signal.reason as ProviderError);
      };
      signal.addEventListener("abort", abort, { once: true });
      line.push(start);
      this.#startNext(of);
    });
  }

  #start(of: Tenant): number {
    of.running += 1;
    of.begun += 1;
    of.paidAt = Math.max(of.paidAt, this.#clock.monotonic()) + of.usual / this.#perMs;
    return of.usual;
  }

  #startNext(of: Tenant): void {
    of.alarm?.close();
    while (this.#waitMs(of) <= 0) {
      const lines = of.begun % startsPerOther === 0 ? [of.others, of.urgent] : [of.urgent, of.others];
      const next = lines[0]!.shift() ?? lines[1]!.shift();
      if (!next) return;
      next();
    }
    const waitMs = this.#waitMs(of);
    const isAwaited = of.urgent.length + of.others.length > 0 && waitMs < Infinity;
    if (isAwaited) of.alarm = this.#clock.timer(Math.ceil(waitMs), () => this.#startNext(of));
  }

  /** Milliseconds until the tenant's next may begin; `Infinity` while it has no slot. */
  #waitMs({ running, paidAt }: Tenant): number {
    return running < this.#most ? paidAt - this.#burstMs - this.#clock.monotonic() : Infinity;
  }
}
