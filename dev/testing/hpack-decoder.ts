import { decodeHuffman } from "./hpack-huffman.js";
import { type HeaderField, staticTable } from "./hpack-static-table.js";

/** What an entry of the dynamic table costs beyond its bytes (RFC 7541 §4.1). */
const entryOverhead = 32;

/** The bits of an instruction's first byte that belong to its number (RFC 7541 §6). */
const prefix = { indexed: 7, incremental: 6, plain: 4, tableSize: 5, string: 7 } as const;

/** Why a header block cannot be read. It ends the connection: from there on the peers' tables differ. */
export class HpackError extends Error {
  override readonly name = "HpackError";
}

/**
 * Reads the header blocks of one direction of one connection, in their order (RFC 7541), keeping the dynamic table in
 * step with the sender's. Throws `HpackError`; after that the decoder is of no more use.
 */
export class HpackDecoder {
  readonly #limits: { tableSize: number; listSize: number };
  readonly #dynamic: HeaderField[] = [];
  #size = 0;
  #maxSize: number;

  /** `tableSize` is what we advertise in SETTINGS; `listSize` bounds what one block may unfold to, both in bytes. */
  constructor(limits: { tableSize: number; listSize: number }) {
    this.#limits = limits;
    this.#maxSize = limits.tableSize;
  }

  decode(block: Uint8Array): HeaderField[] {
    const input = new BlockReader(block);
    const fields: HeaderField[] = [];
    let listSize = 0;
    while (!input.done) {
      const field = this.#next(input, fields.length === 0);
      if (!field) continue;
      fields.push(field);
      listSize += sizeOf(field);
      if (listSize > this.#limits.listSize) throw new HpackError("too many headers");
    }
    return fields;
  }

  /** One instruction (RFC 7541 §6); a change of the table's size gives no field, and may only open a block. */
  #next(input: BlockReader, atStart: boolean): HeaderField | undefined {
    const first = input.peek();
    if (first >= 0x80) return this.#at(input.integer(prefix.indexed));
    if (first >= 0x40) return this.#add(this.#literal(input, prefix.incremental, false));
    if (first < 0x20) return this.#literal(input, prefix.plain, first >= 0x10);
    if (!atStart) throw new HpackError("table size changed amid headers");
    this.#resize(input.integer(prefix.tableSize));
    return undefined;
  }

  #literal(input: BlockReader, bits: number, neverIndexed: boolean): HeaderField {
    const index = input.integer(bits);
    const name = index === 0 ? input.string() : this.#at(index).name;
    return { name, value: input.string(), neverIndexed };
  }

  #at(index: number): HeaderField {
    const field = index <= staticTable.length ? staticTable[index - 1] : this.#dynamic[index - staticTable.length - 1];
    if (!field) throw new HpackError("no such entry");
    return field;
  }

  #add(field: HeaderField): HeaderField {
    this.#dynamic.unshift(field);
    this.#size += sizeOf(field);
    this.#evict();
    return field;
  }

  #resize(maxSize: number): void {
    if (maxSize > this.#limits.tableSize) throw new HpackError("table larger than advertised");
    this.#maxSize = maxSize;
    this.#evict();
  }

  #evict(): void {
    while (this.#size > this.#maxSize) this.#size -= sizeOf(this.#dynamic.pop()!);
  }
}

function sizeOf(field: HeaderField): number {
  return field.name.length + field.value.length + entryOverhead;
}

/** Integers and strings of RFC 7541 §5. */
class BlockReader {
  readonly #block: Uint8Array;
  #at = 0;

  constructor(block: Uint8Array) {
    this.#block = block;
  }

  get done(): boolean {
    return this.#at >= this.#block.length;
  }

  peek(): number {
    const byte = this.#block[this.#at];
    if (byte === undefined) throw new HpackError("header block cut short");
    return byte;
  }

  integer(prefixBits: number): number {
    const mask = 2 ** prefixBits - 1;
    const low = this.#byte() & mask;
    if (low < mask) return low;
    let value = low;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new HpackError("number too large");
  }

  string(): string {
    const coded = this.peek() >= 0x80;
    const length = this.integer(prefix.string);
    const bytes = this.#block.subarray(this.#at, this.#at + length);
    if (bytes.length < length) throw new HpackError("string cut short");
    this.#at += length;
    const text = coded ? decodeHuffman(bytes) : Buffer.from(bytes).toString("latin1");
    if (text === undefined) throw new HpackError("string not Huffman-coded");
    return text;
  }

  #byte(): number {
    const byte = this.peek();
    this.#at += 1;
    return byte;
  }
}
