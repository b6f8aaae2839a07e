/** The requests of one Mount: a login and the reads of more objects than most classes have. */
const mostTurns = 16;
/** The next Mount of a pod comes about so much later. */
const lastMs = 60_000;

interface Turns {
  count: number;
  since: number;
}

/**
 * How many requests of each pod have begun while requests are spaced: those of one Mount come together, for of many Mounts that
 * take turns each would be too late. A pod that asks for more than a Mount does goes on in its turn.
 */
export class PodTurns {
  readonly #begun = new Map<string, Turns>();

  /** A request of the pod has begun. */
  add(pod: string, now: number): void {
    const turns = this.#of(pod, now);
    if (turns) turns.count += 1;
    else this.#begun.set(pod, { count: 1, since: now });
  }

  goesOn(pod: string, now: number): boolean {
    const turns = this.#of(pod, now);
    return turns !== undefined && turns.count < mostTurns;
  }

  clear(): void {
    this.#begun.clear();
  }

  #of(pod: string, now: number): Turns | undefined {
    const turns = this.#begun.get(pod);
    return turns && now - turns.since < lastMs ? turns : undefined;
  }
}
