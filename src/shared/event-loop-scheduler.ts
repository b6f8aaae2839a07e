/**
 * Shares the event loop among tenants: work that takes long asks for a turn before each piece, and one piece is done in
 * each round of the loop, of the tenant that has waited longest since its last turn. So a tenant with nothing else
 * waiting is next but for those in the same place, however much the others have to do.
 */
export class EventLoopScheduler {
  readonly #waiting = new Map<string, (() => void)[]>();
  /** Tenants in the order of their last turns; those that had none since anybody waited are not in it. */
  readonly #served = new Set<string>();

  /** Resolves when the turn has come; `first` goes before what else the tenant has waiting, for what others wait for. */
  turn(tenant: string, { first = false } = {}): Promise<void> {
    return new Promise((resolve) => {
      if (this.#waiting.size === 0) setImmediate(() => this.#goOn());
      const line = this.#waiting.get(tenant) ?? [];
      this.#waiting.set(tenant, line);
      if (first) line.unshift(resolve);
      else line.push(resolve);
    });
  }

  #goOn(): void {
    const tenant = this.#next();
    const line = this.#waiting.get(tenant)!;
    const resolve = line.shift()!;
    if (line.length === 0) this.#waiting.delete(tenant);
    this.#served.delete(tenant);
    this.#served.add(tenant);
    if (this.#waiting.size === 0) this.#served.clear();
    else setImmediate(() => this.#goOn());
    resolve();
  }

  #next(): string {
    const tenants = [...this.#waiting.keys()];
    const fresh = tenants.find((tenant) => !this.#served.has(tenant));
    return fresh ?? [...this.#served].find((tenant) => this.#waiting.has(tenant))!;
  }
}
