import type { HeaderField } from "./hpack-static-table.js";

/** Writes a header block that uses no table and leaves the reader's empty (RFC 7541 §6.2.2, §6.2.3). */
export function encodeHeaders(fields: readonly HeaderField[]): Buffer {
  return Buffer.concat(
    fields.flatMap(({ name, value, neverIndexed }) => [
      Buffer.from([neverIndexed ? 0x10 : 0x00]),
      ...plainString(name),
      ...plainString(value),
    ]),
  );
}

function plainString(text: string): [Buffer, Buffer] {
  return [length(text.length), Buffer.from(text, "latin1")];
}

/** A string's length as RFC 7541 §5.1 writes it, with the Huffman bit clear. */
function length(value: number): Buffer {
  if (value < 0x7f) return Buffer.from([value]);
  const bytes = [0x7f];
  let rest = value - 0x7f;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  return Buffer.from([...bytes, rest]);
}
