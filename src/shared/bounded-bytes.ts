/** Pieces of any size that are always taken; beyond them they must have `leastMeanBytes` on average. */
const freePieces = 4_096;
const leastMeanBytes = 64;
const nothing = Buffer.alloc(0);

/**
 * Bytes that arrive in pieces, copied into one buffer that doubles: it costs what the bytes weigh, in however many pieces they
 * come. A sender of tiny pieces is refused, since each piece costs time regardless of its size.
 */
export class BoundedBytes {
  readonly #maxBytes: number;
  #buffer: Buffer = nothing;
  #length = 0;
  #pieces = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get length(): number {
    return this.#length;
  }

  /**
   * Takes a copy of the piece; says why it does not, and then holds nothing more. Where so many bytes are `announced` to follow
   * it, they have their room at once: until they come, that is no memory, but addresses.
   */
  add(piece: Buffer, announced = 0): "too large" | "crumbs" | undefined {
    const length = this.#length + piece.length;
    this.#pieces += 1;
    if (length > this.#maxBytes) return this.#refuse("too large");
    if (this.#pieces > freePieces && length < this.#pieces * leastMeanBytes) return this.#refuse("crumbs");
    if (length > this.#buffer.length) this.#grow(length, announced);
    piece.copy(this.#buffer, this.#length);
    this.#length = length;
    return undefined;
  }

  /** All bytes taken since the last call; starts over. */
  take(): Buffer {
    const bytes = this.#buffer.subarray(0, this.#length);
    this.#buffer = nothing;
    this.#length = 0;
    this.#pieces = 0;
    return bytes;
  }

  #grow(length: number, announced: number): void {
    // What is whole, or announced, gets what it takes; what comes unannounced, twice that.
    const doubled = this.#length === 0 ? 0 : Math.max(this.#length * 2, 1_024);
    const larger = Buffer.allocUnsafeSlow(Math.min(Math.max(length + announced, doubled), this.#maxBytes));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }

  #refuse<Why>(why: Why): Why {
    this.#buffer = nothing;
    this.#length = 0;
    return why;
  }
}
