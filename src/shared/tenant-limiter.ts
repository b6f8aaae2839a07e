import type { ProviderError } from "./errors.js";

interface Tenant {
  running: number;
  urgent: (() => void)[];
  others: (() => void)[];
}

/**
 * Limits the concurrent work of each tenant; the rest waits where waiting costs little, urgent work first, and
 * otherwise in the order of the calls.
 */
export class TenantLimiter {
  readonly #most: number;
  readonly #tenants = new Map<string, Tenant>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Runs `work` when the tenant has a free slot. Throws the signal's reason when it aborts before. */
  async run<T>(tenant: string, urgent: boolean, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    await this.#enter(tenant, urgent, signal);
    try {
      return await work();
    } finally {
      this.#leave(tenant);
    }
  }

  async #enter(tenant: string, urgent: boolean, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const of = this.#tenants.get(tenant) ?? { running: 0, urgent: [], others: [] };
    this.#tenants.set(tenant, of);
    if (of.running < this.#most) {
      of.running += 1;
      return;
    }
    const line = urgent ? of.urgent : of.others;
    await new Promise<void>((resolve, reject) => {
      const start = () => {
        signal.removeEventListener("abort", abort);
        resolve();
      };
      const abort = () => {
        line.splice(line.indexOf(start), 1);
        reject(signal.reason as ProviderError);
      };
      signal.addEventListener("abort", abort, { once: true });
      line.push(start);
    });
  }

  /** Passes the slot to the next waiter. */
  #leave(tenant: string): void {
    const of = this.#tenants.get(tenant)!;
    const next = of.urgent.shift() ?? of.others.shift();
    if (next) return next();
    of.running -= 1;
    if (of.running === 0) this.#tenants.delete(tenant);
  }
}
