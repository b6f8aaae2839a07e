/** Runs acts one after another, in the order of the calls; a failed act does not stop the next. */
export class OneByOne {
  #last: Promise<unknown> = Promise.resolve();

  /** Settles as the act does. */
  run<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(act);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
