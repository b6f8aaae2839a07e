import { FairBudget } from "../shared/fair-budget.js";
import type { Answer } from "./answer.js";

/** Counts the bytes of the answers that are held: each once, for as long as anything of the book refers to it. */
export class AnswerMemory {
  readonly #references = new Map<Answer, number>();
  /** All that is held, credentials among it. */
  readonly held: FairBudget;
  /** Those cannot be pushed out, so each namespace has its share. */
  readonly credentials: FairBudget;

  constructor(bytes: number) {
    this.held = new FairBudget(bytes);
    this.credentials = new FairBudget(bytes);
  }

  isHeld(answer: Answer): boolean {
    return this.#references.has(answer);
  }

  /** It is referred to once more, until `drop`; the namespace is always the same. */
  hold(answer: Answer, namespace: string): void {
    const references = this.#references.get(answer) ?? 0;
    this.#references.set(answer, references + 1);
    if (references === 0) for (const budget of this.#budgetsOf(answer)) budget.add(namespace, answer.bytes);
  }

  drop(answer: Answer, namespace: string): void {
    const references = this.#references.get(answer)! - 1;
    if (references > 0) return void this.#references.set(answer, references);
    this.#references.delete(answer);
    for (const budget of this.#budgetsOf(answer)) budget.release(namespace, answer.bytes);
  }

  #budgetsOf({ kind }: Answer): FairBudget[] {
    return kind === "static" ? [this.held] : [this.held, this.credentials];
  }
}
