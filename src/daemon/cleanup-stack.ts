/** Remembers how to undo what was started; runs the undoings in reverse, each although another failed. */
export class CleanupStack {
  #undoings: (() => Promise<void> | void)[] = [];

  add(undo: () => Promise<void> | void): void {
    this.#undoings.push(undo);
  }

  /** Throws an AggregateError of what failed, once all have run. A second run has nothing left to do. */
  async run(): Promise<void> {
    const failures: unknown[] = [];
    for (let undo = this.#undoings.pop(); undo; undo = this.#undoings.pop()) {
      try {
        await undo();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, "not everything could be stopped");
  }
}
