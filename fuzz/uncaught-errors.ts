const events = ["unhandledRejection", "uncaughtException", "warning"] as const;

/** Uncaught errors, and output to the terminal that bypasses the log. */
export class UncaughtErrors {
  readonly #found: unknown[] = [];
  readonly #note = (reason: unknown) => void this.#found.push(reason);
  readonly #write = process.stderr.write.bind(process.stderr);

  constructor() {
    for (const event of events) process.on(event, this.#note);
    process.stderr.write = (text: string | Uint8Array) => {
      this.#note(new Error(`written to stderr: ${text.toString()}`));
      return true;
    };
  }

  expectNone(): void {
    if (this.#found.length > 0)
      throw new Error("an error was caught nowhere, or written past the log", { cause: this.#found.shift() });
  }

  close(): void {
    for (const event of events) process.off(event, this.#note);
    process.stderr.write = this.#write;
  }
}
