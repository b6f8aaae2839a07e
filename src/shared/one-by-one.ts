/** Runs acts one after another, in the order they came, whatever becomes of those before. */
export class OneByOne {
  #last: Promise<unknown> = Promise.resolve();

  /** Settles as the act does. */
  run<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(act);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
