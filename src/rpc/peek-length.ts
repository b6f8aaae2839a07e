/** What of a stream this needs. */
export interface PeekedStream {
  readonly readableLength: number;
  once(event: "readable", listener: () => void): unknown;
  off(event: "readable", listener: () => void): unknown;
  read(bytes: number): Buffer | null;
  unshift(bytes: Buffer): void;
}

/** Before each message: whether it is compressed, and its length (gRPC over HTTP2, "Length-Prefixed-Message"). */
const prefixBytes = 5;

/**
 * Tells `announced` of the length of the message that a stream brings, once its first bytes are there, and leaves them in
 * the stream: `Infinity` for one that is compressed, whose length says nothing of it, or that has no such bytes. The
 * stream may be read from then on; before that, once the returned function has called `ended`.
 */
export function peekLength(stream: PeekedStream, announced: (bytes: number) => void): (ended: () => void) => void {
  // A stream looks whether anybody waits for `readable` in the turn after the listener has gone, and flows no earlier.
  const readable = () => process.nextTick(announced, lengthIn(stream));
  stream.once("readable", readable);
  return (ended) => {
    stream.off("readable", readable);
    process.nextTick(ended);
  };
}

function lengthIn(stream: PeekedStream): number {
  const prefix = stream.readableLength < prefixBytes ? null : stream.read(prefixBytes);
  if (!prefix) return Infinity;
  stream.unshift(prefix);
  return prefix[0] === 0 ? prefix.readUInt32BE(1) : Infinity;
}
