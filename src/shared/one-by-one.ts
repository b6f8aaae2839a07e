/** Runs acts one after another, in the order of the calls; a failed act does not stop the next. */
export class OneByOne {
  #last: Promise<void> = Promise.resolve();

  /** Settles as the act does. */
  run<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(act);
    const over = () => {}; // Without what the act gave: nothing else may need that any more.
    this.#last = turn.then(over, over);
    return turn;
  }
}
