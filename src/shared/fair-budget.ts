/**
 * A limited amount (bytes, slots), shared by tenants so that none can take it from the others: a tenant may
 * have as much as would be left free, so half of it alone, a third each when two want all they can get, and so on
 * (dynamic thresholds, Choudhury and Hahne 1998). Nothing is revoked, and yet there is always room
 * for a tenant that has little. Units are the caller's.
 */
export class FairBudget {
  readonly #capacity: number;
  readonly #taken = new Map<string, number>();
  #total = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Taken by all. */
  get total(): number {
    return this.#total;
  }

  /** Taken by one. */
  takenBy(tenant: string): number {
    return this.#taken.get(tenant) ?? 0;
  }

  /** Whether the tenant may take so much. */
  admits(tenant: string, amount: number): boolean {
    return this.takenBy(tenant) + amount <= this.#capacity - this.#total - amount;
  }

  /** Whether the tenant might take so much if it had nothing. */
  hasRoomFor(tenant: string, amount: number): boolean {
    return amount <= this.#capacity - (this.#total - this.takenBy(tenant)) - amount;
  }

  /** Takes it, or gives `false` and takes nothing. Every success needs a `release` of the same amount. */
  take(tenant: string, amount: number): boolean {
    if (!this.admits(tenant, amount)) return false;
    this.add(tenant, amount);
    return true;
  }

  /** Counts what is there already, admitted or not. */
  add(tenant: string, amount: number): void {
    this.#change(tenant, amount);
  }

  release(tenant: string, amount: number): void {
    this.#change(tenant, -amount);
  }

  #change(tenant: string, amount: number): void {
    const taken = this.takenBy(tenant) + amount;
    this.#total += amount;
    if (taken > 0) this.#taken.set(tenant, taken);
    else this.#taken.delete(tenant);
  }
}
