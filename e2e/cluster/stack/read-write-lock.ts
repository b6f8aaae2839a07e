/** A read-write lock of the node: any number of holders together, or one alone. In order of arrival, so that no writer starves. */
export class ReadWriteLock {
  readonly #waiting: { alone: boolean; begin: () => void }[] = [];
  #together = 0;
  #alone = false;

  /** Resolves when it is this one's turn, with the way to end it. Ending it again is fine. */
  async take(alone: boolean): Promise<() => void> {
    await new Promise<void>((begin) => {
      this.#waiting.push({ alone, begin });
      this.#next();
    });
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      if (alone) this.#alone = false;
      else this.#together--;
      this.#next();
    };
  }

  #next(): void {
    for (let [first] = this.#waiting; first && this.#may(first.alone); [first] = this.#waiting) {
      this.#waiting.shift();
      if (first.alone) this.#alone = true;
      else this.#together++;
      first.begin();
    }
  }

  #may(alone: boolean): boolean {
    return !this.#alone && (!alone || this.#together === 0);
  }
}
