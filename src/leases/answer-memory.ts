import { FairBudget } from "../shared/fair-budget.js";
import type { Answer } from "./answer.js";

/** Who refers to an answer, and for whose namespace it is counted. */
interface References {
  readonly namespace: string;
  /** From the book. */
  held: number;
  /** From Mounts that are not answered yet. */
  inUse: number;
}

/**
 * Counts the bytes of every answer that anything refers to, each once: as held while the book does, else as in flight
 * while a Mount does.
 */
export class AnswerMemory {
  /** All that the book holds, credentials among it. */
  readonly held: FairBudget;
  /** Those cannot be pushed out, so each namespace has its share. */
  readonly credentials: FairBudget;
  /** Answers on their way to Mounts, and what is made of them. */
  readonly inFlight: FairBudget;
  readonly #references = new Map<Answer, References>();

  constructor(limits: { bytes: number; inFlightBytes: number }) {
    this.held = new FairBudget(limits.bytes);
    this.credentials = new FairBudget(limits.bytes);
    this.inFlight = new FairBudget(limits.inFlightBytes);
  }

  isHeld(answer: Answer): boolean {
    return (this.#references.get(answer)?.held ?? 0) > 0;
  }

  /** The book refers to it once more. */
  hold(answer: Answer, namespace: string): void {
    this.#refer(answer, namespace, (of) => (of.held += 1));
  }

  drop(answer: Answer, namespace: string): void {
    this.#refer(answer, namespace, (of) => (of.held -= 1));
  }

  /** A Mount refers to it, until `finish`. */
  use(answer: Answer, namespace: string): void {
    this.#refer(answer, namespace, (of) => (of.inUse += 1));
  }

  finish(answer: Answer, namespace: string): void {
    this.#refer(answer, namespace, (of) => (of.inUse -= 1));
  }

  #refer(answer: Answer, namespace: string, change: (of: References) => void): void {
    const of = this.#references.get(answer) ?? { namespace, held: 0, inUse: 0 };
    const before = this.#budgetsOf(answer, of);
    change(of);
    const after = this.#budgetsOf(answer, of);
    for (const budget of before) if (!after.includes(budget)) budget.release(of.namespace, answer.bytes);
    for (const budget of after) if (!before.includes(budget)) budget.add(of.namespace, answer.bytes);
    if (after.length > 0) this.#references.set(answer, of);
    else this.#references.delete(answer);
  }

  #budgetsOf({ kind }: Answer, { held, inUse }: References): FairBudget[] {
    if (held > 0) return kind === "static" ? [this.held] : [this.held, this.credentials];
    return inUse > 0 ? [this.inFlight] : [];
  }
}
