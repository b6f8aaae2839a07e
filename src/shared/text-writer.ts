import type { Escapes } from "./escapes.js";

/** Pieces that are held apart before they are joined: a rope of millions of pieces costs 32 bytes for each. */
const mostPieces = 1_024;

/**
 * A text that is written piece by piece, in time and memory linear in what is written. Never longer than `most` UTF-16
 * units: what would exceed them is not allocated, and `excess` makes the error that is thrown instead.
 */
export class TextWriter {
  readonly #most: number;
  readonly #excess: () => Error;
  #chunks: string[] = [];
  #pieces: string[] = [];
  #length = 0;

  constructor(most = Number.POSITIVE_INFINITY, excess: () => Error = () => new RangeError("the text is too long")) {
    this.#most = most;
    this.#excess = excess;
  }

  write(piece: string): void {
    this.#length += piece.length;
    if (this.#length > this.#most) {
      // An error keeps the objects whose methods its stack names, until it is read.
      this.#pieces = [];
      this.#chunks = [];
      throw this.#excess();
    }
    this.#pieces.push(piece);
    if (this.#pieces.length >= mostPieces) this.#join();
  }

  /** Writes a text in which `escapes` replace what they know. */
  writeEscaped(text: string, { ascii, beyond }: Escapes): void {
    let taken = 0;
    for (let at = 0; at < text.length; at += 1) {
      const unit = text.charCodeAt(at);
      const escape = unit < ascii.length ? ascii[unit] : beyond(unit);
      if (escape === undefined) continue;
      if (at > taken) this.write(text.slice(taken, at));
      this.write(escape);
      taken = at + 1;
    }
    if (taken < text.length) this.write(text.slice(taken));
  }

  /** An empty one, for a text that is then written here: it takes no more than there is room for. */
  forPart(): TextWriter {
    return new TextWriter(this.#most - this.#length, this.#excess);
  }

  /** What was written so far. */
  text(): string {
    this.#join();
    return this.#chunks.join("");
  }

  #join(): void {
    this.#chunks.push(this.#pieces.join(""));
    this.#pieces = [];
  }
}
