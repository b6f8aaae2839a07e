/** A set that mostly has one member: until it has another one, it takes a sixth of a Set's memory. In the order of adding. */
export class SmallSet<T extends object> {
  #only: T | undefined;
  #all: Set<T> | undefined;

  get size(): number {
    return this.#all?.size ?? (this.#only ? 1 : 0);
  }

  has(member: T): boolean {
    return this.#all?.has(member) ?? this.#only === member;
  }

  add(member: T): void {
    if (this.#all) this.#all.add(member);
    else if (!this.#only) this.#only = member;
    else if (this.#only !== member) this.#all = new Set([this.#only, member]);
  }

  delete(member: T): void {
    if (this.#all) this.#all.delete(member);
    else if (this.#only === member) this.#only = undefined;
  }

  [Symbol.iterator](): Iterator<T> {
    return (this.#all ?? (this.#only ? [this.#only] : [])).values();
  }
}
