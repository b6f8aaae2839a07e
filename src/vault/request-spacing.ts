/** Vault has room for what it answers sooner; more than the way to a far Vault and a TokenReview take. */
const busyMs = 500;
/** Latest answers that tell a busy Vault from a slow path: at least, and at most. */
const [fewest, compared] = [4, 8];
/** A gap grows to so many times the time between two requests before. */
const growth = 2;
/** Nor is it longer than an answer takes, so that one request is always under way. */
const longestMs = 2_000;
/** A gap is half as long after this time. */
const halfLifeMs = 15_000;

interface Answer {
  namespace: string;
  ms: number;
}

/**
 * The time between the starts of two requests, none while Vault answers quickly. Where thousands of nodes wait for the same
 * Vault, one request at a time of each is too much: each node halves the rate of its requests, and speeds up until Vault is
 * busy again. Vault is busy when the latest answers were all slow, for several namespaces: what is slow for one of them holds
 * up no other.
 */
export class RequestSpacing {
  readonly #answers: Answer[] = [];
  #gapMs = 0;
  #setAt = 0;

  /** Milliseconds. */
  gapAt(now: number): number {
    const gapMs = this.#gapMs * 0.5 ** ((now - this.#setAt) / halfLifeMs);
    return gapMs < 1 ? 0 : gapMs;
  }

  /** A request was answered in `ms`; as many as `running` were under way, itself among them. */
  answered(answer: Answer, running: number, now: number): void {
    if (this.#answers.push(answer) > compared) this.#answers.shift();
    if (!this.#isBusy()) return;
    const betweenMs = Math.max(this.gapAt(now), answer.ms / running);
    // What was sent before the gap says nothing of it.
    if (this.#gapMs > 0 && now - this.#setAt < answer.ms + betweenMs) return;
    this.#gapMs = Math.min(longestMs, answer.ms, betweenMs * growth);
    this.#setAt = now;
  }

  #isBusy(): boolean {
    const [first] = this.#answers;
    return (
      this.#answers.length >= fewest &&
      this.#answers.every(({ ms }) => ms > busyMs) &&
      this.#answers.some(({ namespace }) => namespace !== first!.namespace)
    );
  }
}
