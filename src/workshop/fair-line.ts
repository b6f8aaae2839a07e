/** Who waits for the one worker. */
interface Waiting<T> {
  item: T;
  tenant: string;
}

/**
 * A line in which the next is one of the tenant that has used the worker least since the line was last empty: whoever
 * keeps it busy waits for those who do not. Within a tenant, in the order they came.
 */
export class FairLine<T> {
  readonly #waiting: Waiting<T>[] = [];
  readonly #usedMs = new Map<string, number>();
  readonly #most: number;

  /** `most` may wait of one tenant. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Gives `false` where the tenant has too many waiting. */
  join(tenant: string, item: T): boolean {
    if (this.#waiting.filter((one) => one.tenant === tenant).length >= this.#most) return false;
    this.#waiting.push({ tenant, item });
    return true;
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
}
