/** Who waits for the one worker. */
interface Waiting<T> {
  item: T;
  tenant: string;
  bytes: number;
}

/** What may wait. */
export interface QueueLimits {
  /** Of one tenant. */
  items: number;
  /** Of all together. */
  bytes: number;
}

/**
 * A queue whose next item is one of the tenant that has used the worker least since the queue was last empty: a tenant
 * that keeps it busy waits for the others. Within a tenant, in the order of arrival. When it is full, the tenant that holds
 * most of it loses its newest items.
 */
export class FairQueue<T> {
  readonly #waiting: Waiting<T>[] = [];
  readonly #usedMs = new Map<string, number>();
  readonly #limits: QueueLimits;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  /** Gives those that have to leave for it, the newcomer itself perhaps among them. */
  join(tenant: string, item: T, bytes: number): T[] {
    if (this.#waiting.filter((one) => one.tenant === tenant).length >= this.#limits.items) return [item];
    this.#waiting.push({ tenant, item, bytes });
    const leaving: T[] = [];
    while (bytesOf(this.#waiting) > this.#limits.bytes) {
      const heaviest = this.#heaviest();
      const { item: newest } = this.#waiting.findLast((one) => one.tenant === heaviest)!;
      this.leave(newest);
      leaving.push(newest);
    }
    return leaving;
  }

  leave(item: T): void {
    const at = this.#waiting.findIndex((one) => one.item === item);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  next(): Waiting<T> | undefined {
    const used = ({ tenant }: Waiting<T>) => this.#usedMs.get(tenant) ?? 0;
    const next = this.#waiting.reduce<Waiting<T> | undefined>(
      (least, one) => (!least || used(one) < used(least) ? one : least),
      undefined,
    );
    if (next) this.leave(next.item);
    else this.#usedMs.clear();
    return next;
  }

  used(tenant: string, ms: number): void {
    this.#usedMs.set(tenant, (this.#usedMs.get(tenant) ?? 0) + ms);
  }

  /** The tenant whose items hold most bytes. */
  #heaviest(): string {
    const held = new Map<string, number>();
    for (const { tenant, bytes } of this.#waiting) held.set(tenant, (held.get(tenant) ?? 0) + bytes);
    return [...held].reduce((most, one) => (one[1] > most[1] ? one : most))[0];
  }
}

function bytesOf(waiting: readonly Waiting<unknown>[]): number {
  return waiting.reduce((sum, { bytes }) => sum + bytes, 0);
}
