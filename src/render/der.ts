/** Writes ASN.1 in DER (X.690), as much of it as a keystore needs. */
export function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), lengthOf(body.length), body]);
}

export const sequence = (...parts: Buffer[]) => der(0x30, ...parts);

/** A set of one, or one whose members are in DER's order already. */
export const setOf = (...parts: Buffer[]) => der(0x31, ...parts);

export const octets = (bytes: Buffer) => der(0x04, bytes);

export const nothing = der(0x05);

/** `[0] EXPLICIT`. */
export const explicit = (inner: Buffer) => der(0xa0, inner);

/** `[0] IMPLICIT OCTET STRING`. */
export const implicitOctets = (bytes: Buffer) => der(0x80, bytes);

/** BMPString: UTF-16, big-endian. */
export const bmp = (text: string) => der(0x1e, bigEndian(text));

export function bigEndian(text: string): Buffer {
  return Buffer.from(text, "utf16le").swap16();
}

/** A whole number from 0 up to 2³¹. */
export function integer(value: number): Buffer {
  const bytes = fewestBytes(value);
  return bytes[0]! > 0x7f ? der(0x02, Buffer.from([0]), bytes) : der(0x02, bytes);
}

/** An object identifier in its dotted form. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const digits = [value % 128];
  for (let left = Math.floor(value / 128); left > 0; left = Math.floor(left / 128)) digits.unshift((left % 128) + 128);
  return digits;
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes = fewestBytes(length);
  return Buffer.concat([Buffer.from([0x80 + bytes.length]), bytes]);
}

/** Big-endian. */
function fewestBytes(value: number): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex");
}
