const [quote, backslash, colon, comma] = [0x22, 0x5c, 0x3a, 0x2c];
const [open, close] = [new Set(Buffer.from("[{")), new Set(Buffer.from("]}"))];
const nothing = Buffer.from("null");

/**
 * Replaces the values of some keys of JSON texts by `null`, wherever they stand, piece by piece as the texts arrive: what is
 * dropped takes no memory, however long it is. Texts may follow one another. What is no JSON is no more JSON afterwards.
 */
export class JsonSieve {
  readonly #dropped: ReadonlySet<string>;
  readonly #longest: number;
  #depth = 0;
  #inString = false;
  #isEscaped = false;
  /** The string that was begun last, one character longer than the longest key at most. */
  #text = "";
  /** The value that is dropped began at this depth. */
  #dropsAt: number | undefined;

  constructor(keys: readonly string[]) {
    this.#dropped = new Set(keys);
    this.#longest = Math.max(...keys.map((key) => key.length));
  }

  /** What is left of the piece. */
  pass(piece: Buffer): Buffer {
    const left: Buffer[] = [];
    let from = this.#dropsAt === undefined ? 0 : piece.length;
    for (let at = 0; at < piece.length; at += 1) {
      const byte = piece[at]!;
      if (this.#dropsAt !== undefined && this.#ends(byte)) {
        this.#dropsAt = undefined;
        from = at;
      }
      this.#read(byte);
      if (byte !== colon || this.#inString || this.#dropsAt !== undefined || !this.#dropped.has(this.#text)) continue;
      left.push(piece.subarray(from, at + 1), nothing);
      this.#dropsAt = this.#depth;
      from = piece.length;
    }
    left.push(piece.subarray(from));
    return left.length === 1 ? left[0]! : Buffer.concat(left);
  }

  /** Whether the byte is the first after the value that is dropped. */
  #ends(byte: number): boolean {
    return !this.#inString && this.#depth === this.#dropsAt && (byte === comma || close.has(byte));
  }

  #read(byte: number): void {
    if (this.#inString) return this.#readString(byte);
    if (byte === quote) {
      this.#inString = true;
      this.#text = "";
    } else if (open.has(byte)) this.#depth += 1;
    else if (close.has(byte)) this.#depth -= 1;
  }

  #readString(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === backslash) this.#isEscaped = true;
    else if (byte === quote) {
      this.#inString = false;
      return;
    }
    if (this.#text.length <= this.#longest) this.#text += String.fromCharCode(byte);
  }
}
