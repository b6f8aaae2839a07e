/** The first bit patterns beyond the codes of each length, of 16 bits (RFC 7541 appendix B, up to the last of printable ASCII but `\`). */
const huffmanCodes = [
  { below: 0x5000, bits: 5 },
  { below: 0xb800, bits: 6 },
  { below: 0xf800, bits: 7 },
  { below: 0xfe00, bits: 8 },
  { below: 0xff40, bits: 10 },
  { below: 0xffa0, bits: 11 },
  { below: 0xffc0, bits: 12 },
  { below: 0xfff0, bits: 13 },
  { below: 0xfff8, bits: 14 },
  { below: 0xfffe, bits: 15 },
] as const;

/** Codes of six bits both, and what makes one of the other. */
const [slashCode, dashCode] = [0b011000, 0b010110];
const flipCode = slashCode ^ dashCode;
const [slash, dash] = [0x2f, 0x2d];

const authorityIndex = 1;
const authorityName = Buffer.from(":authority");

/**
 * Makes each `/` in a header block's `:authority` a `-`, in place; gives how many there were. Lengths stay as they are,
 * plain and Huffman-coded, and so does all that HPACK's tables are reckoned by: an entry that the sender takes for its
 * path is the changed one here. An authority is found where it is written out under its static name or under its own,
 * as each encoder writes it the first time; what follows a mistake is left for the server to refuse.
 */
export function replaceSlashesInAuthority(block: Buffer): number {
  const reader = new BlockReader(block);
  let replaced = 0;
  while (!reader.done) {
    const literal = reader.instruction();
    if (literal?.isAuthority) replaced += literal.huffman ? replaceCoded(literal.value) : replacePlain(literal.value);
  }
  return replaced;
}

function replacePlain(text: Buffer): number {
  let replaced = 0;
  for (let at = text.indexOf(slash); at >= 0; at = text.indexOf(slash, at + 1)) {
    text[at] = dash;
    replaced += 1;
  }
  return replaced;
}

function replaceCoded(text: Buffer): number {
  const bitLength = text.length * 8;
  let replaced = 0;
  for (let at = 0; at < bitLength; ) {
    const window = bitsAt(text, at);
    const bits = huffmanCodes.find(({ below }) => window < below)?.bits ?? bitLength;
    if (bits === 6 && window >> 10 === slashCode && at + bits <= bitLength) {
      flipBits(text, at);
      replaced += 1;
    }
    at += bits;
  }
  return replaced;
}

/** 16 bits from there; beyond the end are ones, as padding is. */
function bitsAt(text: Buffer, at: number): number {
  const from = at >> 3;
  const bytes = (text[from]! << 16) | ((text[from + 1] ?? 0xff) << 8) | (text[from + 2] ?? 0xff);
  return (bytes >> (8 - (at & 7))) & 0xffff;
}

function flipBits(text: Buffer, at: number): void {
  const mask = flipCode << (10 - (at & 7));
  text[at >> 3]! ^= mask >> 8;
  if (mask & 0xff) text[(at >> 3) + 1]! ^= mask & 0xff;
}

interface HpackString {
  value: Buffer;
  huffman: boolean;
}

/** Walks the instructions of a header block (RFC 7541 §6) without a table. Past a mistake it is done. */
class BlockReader {
  readonly #block: Buffer;
  #at = 0;

  constructor(block: Buffer) {
    this.#block = block;
  }

  get done(): boolean {
    return this.#at >= this.#block.length;
  }

  /** One instruction; a literal's value when it has one. */
  instruction(): (HpackString & { isAuthority: boolean }) | undefined {
    const first = this.#block[this.#at]!;
    if (first >= 0x80) return void this.#integer(7);
    if (first >= 0x20 && first < 0x40) return void this.#integer(5);
    const index = this.#integer(first >= 0x40 ? 6 : 4);
    const isAuthority = index === 0 ? authorityName.equals(this.#string().value) : index === authorityIndex;
    return { ...this.#string(), isAuthority };
  }

  /** RFC 7541 §5.2; empty where the block ends before it. */
  #string(): HpackString {
    const huffman = (this.#block[this.#at] ?? 0) >= 0x80;
    const length = this.#integer(7);
    const start = this.#at;
    this.#at += length;
    return { value: this.#at <= this.#block.length ? this.#block.subarray(start, this.#at) : empty, huffman };
  }

  /** RFC 7541 §5.1; ends where the block does. Of a number too large to be a length, what follows its fifth byte is not read. */
  #integer(prefixBits: number): number {
    const mask = 2 ** prefixBits - 1;
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let scale = 1, more = true; more && scale < 2 ** 35; scale *= 0x80) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      more = byte >= 0x80;
    }
    return value;
  }

  #byte(): number {
    return this.#block[this.#at++] ?? 0;
  }
}

const empty = Buffer.alloc(0);
