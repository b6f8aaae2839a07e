/** RFC 9113 §3.4. */
export const clientPreface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

export const frameHeaderLength = 9;

/** The largest frame a peer may send that was told nothing else; Node's server tells nothing else (RFC 9113 §4.2). */
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

/** What a HEADERS frame carries besides its padding (RFC 9113 §6.2); `undefined` when that does not fit. */
export function readHeadersPayload(flags: number, payload: Buffer): { priority: Buffer; fragment: Buffer } | undefined {
  const padded = flags & flag.padded ? 1 : 0;
  const padding = padded ? payload[0] : 0;
  const prioritised = flags & flag.priority ? priorityLength : 0;
  if (padding === undefined || padded + prioritised + padding > payload.length) return undefined;
  return {
    priority: payload.subarray(padded, padded + prioritised),
    fragment: payload.subarray(padded + prioritised, payload.length - padding),
  };
}

/** A header block as HEADERS and as many CONTINUATIONs as it takes (RFC 9113 §6.10). */
export function headersFrames(
  headers: { stream: number; endStream: boolean; priority: Buffer },
  block: Buffer,
): Buffer[] {
  const room = largestFrame - headers.priority.length;
  const flags =
    (headers.endStream ? flag.endStream : 0) |
    (headers.priority.length > 0 ? flag.priority : 0) |
    (block.length <= room ? flag.endHeaders : 0);
  const first = Buffer.concat([headers.priority, block.subarray(0, room)]);
  const frames = [frame(frameType.headers, flags, headers.stream, first)];
  for (let at = room; at < block.length; at += largestFrame) {
    const last = at + largestFrame >= block.length;
    const fragment = block.subarray(at, at + largestFrame);
    frames.push(frame(frameType.continuation, last ? flag.endHeaders : 0, headers.stream, fragment));
  }
  return frames;
}
