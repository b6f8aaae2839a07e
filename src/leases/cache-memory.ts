import { FairBudget } from "../shared/fair-budget.js";
import type { CachedSecret } from "./cached-secret.js";

/** What another volume's use of an entry takes: a place in its entries, in what it was delivered, and in the entry's users. */
export const useBytes = 128;

/** Counts the bytes of cached answers, each once, as long as the cache refers to it; and those of their use by further volumes. */
export class CacheMemory {
  readonly #references = new Map<CachedSecret, number>();
  /** All cached answers, with credentials, and their use. */
  readonly held: FairBudget;
  /** Credentials cannot be evicted, so each namespace has its share. */
  readonly credentials: FairBudget;
  /** By further volumes: those of one pod may use each answer of it. */
  readonly #uses: FairBudget;

  constructor(bytes: number) {
    this.held = new FairBudget(bytes);
    this.credentials = new FairBudget(bytes);
    this.#uses = new FairBudget(bytes / 2);
  }

  /** Whether one more volume of the namespace may use an entry that others use. */
  admitsUse(namespace: string): boolean {
    return this.#uses.admits(namespace, useBytes);
  }

  addUse(namespace: string): void {
    for (const budget of [this.#uses, this.held]) budget.add(namespace, useBytes);
  }

  dropUse(namespace: string): void {
    for (const budget of [this.#uses, this.held]) budget.release(namespace, useBytes);
  }

  isHeld(answer: CachedSecret): boolean {
    return this.#references.has(answer);
  }

  /** Adds a reference, until `drop`; the namespace is always the same. */
  hold(answer: CachedSecret, namespace: string): void {
    const references = this.#references.get(answer) ?? 0;
    this.#references.set(answer, references + 1);
    if (references === 0) for (const budget of this.#budgetsOf(answer)) budget.add(namespace, answer.bytes);
  }

  drop(answer: CachedSecret, namespace: string): void {
    const references = this.#references.get(answer)! - 1;
    if (references > 0) return void this.#references.set(answer, references);
    this.#references.delete(answer);
    for (const budget of this.#budgetsOf(answer)) budget.release(namespace, answer.bytes);
  }

  #budgetsOf({ kind }: CachedSecret): FairBudget[] {
    return kind === "static" ? [this.held] : [this.held, this.credentials];
  }
}
