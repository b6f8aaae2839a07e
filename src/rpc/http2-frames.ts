/** RFC 9113 §3.4. */
export const clientPreface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

export const frameHeaderLength = 9;

/** The largest frame that a peer may send by default; Node's server does not change the setting (RFC 9113 §4.2). */
export const largestFrame = 16_384;

export const frameType = { headers: 0x1, reset: 0x3, goaway: 0x7, continuation: 0x9 } as const;

export const flag = { endStream: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

/** RFC 9113 §6.2: stream dependency and weight. */
const priorityLength = 5;

export interface FrameHeader {
  length: number;
  type: number;
  flags: number;
  stream: number;
}

/** Reads the nine bytes at the front (RFC 9113 §4.1). */
export function readFrameHeader(bytes: Buffer): FrameHeader {
  return {
    length: bytes.readUIntBE(0, 3),
    type: bytes[3]!,
    flags: bytes[4]!,
    stream: bytes.readUInt32BE(5) & 0x7fff_ffff,
  };
}

export function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(frameHeaderLength);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

/** A HEADERS frame's part of the header block, without padding and priority (RFC 9113 §6.2). */
export function readHeadersFragment(flags: number, payload: Buffer): Buffer {
  const padded = flags & flag.padded ? 1 : 0;
  const padding = padded ? (payload[0] ?? 0) : 0;
  const prioritised = flags & flag.priority ? priorityLength : 0;
  return payload.subarray(padded + prioritised, Math.max(0, payload.length - padding));
}
