import { replaceSlashesInAuthority } from "./hpack-authority.js";
import {
  clientPreface,
  frameHeaderLength,
  frameType,
  largestFrame,
  readFrameHeader,
  readHeadersFragment,
} from "./http2-frames.js";

/**
 * Gives Node's HTTP/2 an `:authority` it accepts. Drivers before 1.6.0 send the socket's path there (grpc-go up to 1.56.3
 * with a dialer of one's own does), whose slashes nghttp2 refuses with RST_STREAM(PROTOCOL_ERROR).
 *
 * Fed with what a client sends, from the preface on, whose bytes it takes over, it gives what the server shall read: the same bytes, with `-` for
 * each `/` of an authority that a HEADERS frame holds whole. When the first has none, all passes unread from then on. It
 * holds at most one such frame. What is no HTTP/2 passes too: Node refuses it in its own words.
 */
export class AuthorityRewriter {
  #held: Buffer = Buffer.alloc(0);
  /** How many of the next bytes pass without being looked at: what is left of a frame, or all. */
  #passing = clientPreface.length;
  #isFirst = true;

  push(chunk: Buffer): Buffer[] {
    if (this.#passing === Infinity) return [chunk];
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const out: Buffer[] = [];
    for (let piece = this.#next(); piece.length > 0; piece = this.#next()) out.push(piece);
    return out;
  }

  /** The next bytes for the server; none when more are needed. */
  #next(): Buffer {
    if (this.#passing === 0) this.#passing = this.#frameLength();
    const piece = this.#take(Math.min(this.#passing, this.#held.length));
    this.#passing -= piece.length;
    return piece;
  }

  /** How much of what is held may pass: a frame's length, with its authority rewritten if it has one. */
  #frameLength(): number {
    if (this.#held.length < frameHeaderLength) return 0;
    const { type, flags, length } = readFrameHeader(this.#held);
    const whole = frameHeaderLength + length;
    if (type !== frameType.headers || length > largestFrame) return whole;
    if (this.#held.length < whole) return 0;
    const replaced = replaceSlashesInAuthority(
      readHeadersFragment(flags, this.#held.subarray(frameHeaderLength, whole)),
    );
    const isToPass = this.#isFirst && replaced === 0;
    this.#isFirst = false;
    return isToPass ? Infinity : whole;
  }

  #take(length: number): Buffer {
    const taken = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return taken;
  }
}
