import type { Clock, Timer } from "./clock.js";

/** A piece that takes longer, milliseconds, is followed by a rest as long as it took; not by a longer one than this. */
const [restAfterMs, longestRestMs] = [8, 50];

interface Line {
  readonly first: (() => void)[];
  readonly others: (() => void)[];
}

/**
 * Shares the event loop among tenants: work that takes long asks for a turn before each piece, and one piece is done in
 * each round of the loop, of the tenant that has waited longest since its last turn. So a tenant with nothing else
 * waiting is next but for those in the same place, however much the others have to do. After a long piece its tenant
 * rests: what needs many short rounds of the loop, as a Mount does that talks to Vault, would wait for a piece in each of them.
 */
export class EventLoopScheduler {
  readonly #clock: Pick<Clock, "monotonic" | "timer">;
  readonly #waiting = new Map<string, Line>();
  /** Tenants in the order of their last turns; those that had none since anybody waited are not in it. */
  readonly #served = new Set<string>();
  /** Until when a tenant rests. */
  readonly #resting = new Map<string, number>();
  #isWoken = false;
  #alarm: Timer | undefined;

  constructor(clock: Pick<Clock, "monotonic" | "timer">) {
    this.#clock = clock;
  }

  /** Resolves when the turn has come; `first` goes before what else the tenant has waiting, for what others wait for. */
  turn(tenant: string, { first = false } = {}): Promise<void> {
    return new Promise((resolve) => {
      const line = this.#waiting.get(tenant) ?? { first: [], others: [] };
      this.#waiting.set(tenant, line);
      line[first ? "first" : "others"].push(resolve);
      this.#wake();
    });
  }

  #wake(): void {
    this.#alarm?.close();
    if (this.#isWoken) return;
    this.#isWoken = true;
    setImmediate(() => this.#goOn());
  }

  #goOn(): void {
    this.#isWoken = false;
    const now = this.#clock.monotonic();
    for (const [tenant, until] of this.#resting) if (until <= now) this.#resting.delete(tenant);
    const tenant = this.#next();
    if (tenant === undefined) return this.#wakeLater(now);
    const line = this.#waiting.get(tenant)!;
    const resolve = (line.first.shift() ?? line.others.shift())!;
    if (line.first.length + line.others.length === 0) this.#waiting.delete(tenant);
    this.#served.delete(tenant);
    this.#served.add(tenant);
    if (this.#waiting.size === 0) this.#served.clear();
    else this.#wake();
    resolve();
    // The piece is done in microtasks, and ticks come after all of them.
    queueMicrotask(() => process.nextTick(() => this.#ended(tenant, now)));
  }

  #ended(tenant: string, startedAt: number): void {
    const now = this.#clock.monotonic();
    if (now - startedAt > restAfterMs) this.#resting.set(tenant, now + Math.min(now - startedAt, longestRestMs));
  }

  #next(): string | undefined {
    for (const tenant of this.#waiting.keys())
      if (!this.#served.has(tenant) && !this.#resting.has(tenant)) return tenant;
    for (const tenant of this.#served) if (this.#waiting.has(tenant) && !this.#resting.has(tenant)) return tenant;
    return undefined;
  }

  /** All that wait rest. */
  #wakeLater(now: number): void {
    const ends = [...this.#waiting.keys()].map((tenant) => this.#resting.get(tenant)!);
    this.#alarm = this.#clock.timer(Math.ceil(Math.min(...ends) - now), () => this.#wake());
  }
}
