import { flag, frameHeaderLength, frameType, readFrameHeader } from "./http2-frames.js";

/** Below what a gRPC client takes before it must say that it read any: three quarters of the first 64 KiB. */
const mostBytes = 48 * 1_024;

/** grpc-js 1.14 on Node needs three from an answer's first byte to its last. */
const mostTurns = 8;

/**
 * Holds back what a server sends while one of its answers has begun and not ended, so that each leaves whole. grpc-js
 * sends headers and message some turns of the event loop before the status. When we are killed in between, the driver's
 * gRPC client has seen an answer begin and does not try again (gRFC A6), and driver 1.6.0 leaves the volume empty.
 * What is larger than `mostBytes`, or waits for the client to make room, leaves as it comes.
 */
export class WholeAnswers {
  readonly #open = new Set<number>();
  #held: Buffer[] = [];
  #heldBytes = 0;
  #turns = 0;
  #waiting = false;
  #header = Buffer.alloc(0);
  #payloadLeft = 0;
  /** What has come of the payload of a GOAWAY. */
  #goaway: Buffer | undefined;

  /** Sends bytes on, in their order; `broken` is called when the server has closed the connection after an error. */
  constructor(
    readonly send: (bytes: Buffer) => void,
    readonly broken: () => void = () => {},
  ) {}

  push(bytes: Buffer): void {
    this.#follow(bytes);
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    this.#turns = 0;
    if (this.#isWhole() || this.#heldBytes > mostBytes) this.flush();
    else this.#wait();
  }

  /** Sends what is held, whole or not. */
  flush(): void {
    if (this.#held.length === 0) return;
    const bytes = this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    this.send(bytes);
  }

  #isWhole(): boolean {
    return this.#open.size === 0 && this.#payloadLeft === 0 && this.#header.length === 0;
  }

  /** Turns, not time: a process that is given no processor holds on. */
  #wait(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    setImmediate(() => {
      this.#waiting = false;
      if (this.#held.length === 0) return;
      if (++this.#turns < mostTurns) this.#wait();
      else this.flush();
    });
  }

  /** Reads the frames' headers, which may come in pieces. */
  #follow(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const passed = Math.min(this.#payloadLeft, bytes.length - at);
      this.#payloadLeft -= passed;
      if (this.#goaway) this.#readGoaway(bytes.subarray(at, at + passed));
      at += passed;
      const piece = bytes.subarray(at, at + frameHeaderLength - this.#header.length);
      at += piece.length;
      this.#header = Buffer.concat([this.#header, piece]);
      if (this.#header.length === frameHeaderLength) this.#frameBegins();
    }
  }

  /** RFC 9113 §6.8: the last stream, the error's code, and words. */
  #readGoaway(piece: Buffer): void {
    this.#goaway = Buffer.concat([this.#goaway!, piece.subarray(0, 8)]);
    if (this.#goaway.length < 8) return;
    const code = this.#goaway.readUInt32BE(4);
    this.#goaway = undefined;
    if (code !== 0) this.broken();
  }

  #frameBegins(): void {
    const { length, type, flags, stream } = readFrameHeader(this.#header);
    this.#header = Buffer.alloc(0);
    this.#payloadLeft = length;
    if (type === frameType.goaway) this.#goaway = Buffer.alloc(0);
    if (type === frameType.reset || (type === frameType.headers && flags & flag.endStream)) this.#open.delete(stream);
    else if (type === frameType.headers) this.#open.add(stream);
  }
}
