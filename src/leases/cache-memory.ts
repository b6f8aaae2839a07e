import { FairBudget } from "../shared/fair-budget.js";
import type { CachedSecret } from "./cached-secret.js";

/** Counts the bytes of cached answers: each once, as long as the cache refers to it. */
export class CacheMemory {
  readonly #references = new Map<CachedSecret, number>();
  /** All cached answers, with credentials. */
  readonly held: FairBudget;
  /** Credentials cannot be evicted, so each namespace has its share. */
  readonly credentials: FairBudget;

  constructor(bytes: number) {
    this.held = new FairBudget(bytes);
    this.credentials = new FairBudget(bytes);
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
