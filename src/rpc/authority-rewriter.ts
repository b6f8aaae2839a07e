import { HpackDecoder, HpackError } from "./hpack-decoder.js";
import { encodeHeaders } from "./hpack-encoder.js";
import type { HeaderField } from "./hpack-static-table.js";
import {
  clientPreface,
  type FrameHeader,
  flag,
  frame,
  frameHeaderLength,
  frameType,
  headersFrames,
  largestFrame,
  readFrameHeader,
  readHeadersPayload,
} from "./http2-frames.js";

/** What Node's HTTP/2 server advertises unless told otherwise (SETTINGS_HEADER_TABLE_SIZE). */
const tableSize = 4_096;

/** What one header block may unfold to; Node's own bound on it is the same (SETTINGS_MAX_HEADER_LIST_SIZE). */
const listSize = 65_535;

/** Fragments of one header block; nghttp2 allows as many. */
const fragmentsPerBlock = 9;

/** No decoder accepts a reference to entry 0: Node answers it with GOAWAY(COMPRESSION_ERROR) in its own words. */
const unreadableBlock = Buffer.from([0x80]);

/** Nothing to be told apart: Node accepts these (nghttp2_check_authority). */
const acceptable = /^[A-Za-z0-9\-._~!$&'()*+,;=%:@[\]]+$/;

interface OpenBlock {
  stream: number;
  endStream: boolean;
  priority: Buffer;
  fragments: Buffer[];
}

/**
 * Gives Node's HTTP/2 an `:authority` it accepts. Drivers before 1.6.0 send the socket's path there (grpc-go up to 1.56.3
 * with a dialer of one's own does), which nghttp2 refuses with RST_STREAM(PROTOCOL_ERROR).
 *
 * Fed with what a client sends, from the preface on, it gives what the server shall read. The first request decides for
 * the connection: acceptable, and every byte passes as it came from then on; else each header block is decoded and
 * written anew, without tables, with `localhost`. All other frames pass as they are. It holds at most one header block.
 * A block that cannot be read is replaced by one that Node refuses, and nothing passes after it.
 */
export class AuthorityRewriter {
  #mode: "undecided" | "rewriting" | "broken" = "undecided";
  #held: Buffer = Buffer.alloc(0);
  /** How many of the next bytes pass without being looked at: what is left of a frame, or all. */
  #passing = clientPreface.length;
  #open: OpenBlock | undefined;
  /** The frames of the open block as they came, until the first request has decided. */
  #asCame: Buffer[] = [];
  readonly #decoder = new HpackDecoder({ tableSize, listSize });

  /** Whether the client sent what cannot be read. */
  get broken(): boolean {
    return this.#mode === "broken";
  }

  push(chunk: Buffer): Buffer[] {
    if (this.#passing === Infinity) return [chunk];
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const out: Buffer[] = [];
    while (this.#held.length > 0 && this.#step(out));
    return out;
  }

  /** Handles one piece of what is held; false when more is needed. */
  #step(out: Buffer[]): boolean {
    if (this.#mode === "broken") return this.#drop();
    if (this.#passing > 0) return this.#pass(out);
    if (this.#held.length < frameHeaderLength) return false;
    const header = readFrameHeader(this.#held);
    if (!this.#open && header.type !== frameType.headers) {
      this.#passing = frameHeaderLength + header.length;
      return true;
    }
    if (!this.#belongs(header)) return this.#break(header.stream, out);
    if (this.#held.length < frameHeaderLength + header.length) return false;
    const whole = this.#take(frameHeaderLength + header.length);
    if (this.#mode === "undecided") this.#asCame.push(whole);
    if (!this.#collect(header, whole.subarray(frameHeaderLength))) return this.#break(header.stream, out);
    return header.flags & flag.endHeaders ? this.#finish(out) : true;
  }

  /** RFC 9113 §4.3: nothing comes between the frames of one header block. */
  #belongs({ type, stream, length }: FrameHeader): boolean {
    if (length > largestFrame) return false;
    return this.#open ? type === frameType.continuation && stream === this.#open.stream : type === frameType.headers;
  }

  /** Adds a frame's fragment to the open block; false when the frame or the block is not to be had. */
  #collect({ flags, stream }: FrameHeader, payload: Buffer): boolean {
    if (this.#open) return this.#open.fragments.push(payload) <= fragmentsPerBlock;
    const read = readHeadersPayload(flags, payload);
    if (!read) return false;
    const endStream = (flags & flag.endStream) !== 0;
    this.#open = { stream, endStream, priority: read.priority, fragments: [read.fragment] };
    return true;
  }

  /** The block is whole: decide, if that is still to be done, and let it go on, as it came or anew. */
  #finish(out: Buffer[]): boolean {
    const block = this.#open!;
    this.#open = undefined;
    const fields = this.#decode(Buffer.concat(block.fragments));
    if (!fields) return this.#break(block.stream, out);
    if (this.#mode === "undecided") {
      const asCame = this.#asCame.splice(0);
      if (isAcceptable(fields)) {
        this.#passing = Infinity;
        out.push(...asCame);
        return true;
      }
      this.#mode = "rewriting";
    }
    out.push(...headersFrames(block, encodeHeaders(withLocalAuthority(fields))));
    return true;
  }

  #decode(block: Buffer): HeaderField[] | undefined {
    try {
      return this.#decoder.decode(block);
    } catch (error) {
      if (error instanceof HpackError) return undefined;
      throw error;
    }
  }

  #break(stream: number, out: Buffer[]): boolean {
    this.#mode = "broken";
    this.#open = undefined;
    this.#asCame = [];
    out.push(frame(frameType.headers, flag.endHeaders | flag.endStream, stream, unreadableBlock));
    return true;
  }

  #drop(): boolean {
    this.#held = Buffer.alloc(0);
    return false;
  }

  #pass(out: Buffer[]): boolean {
    const piece = this.#take(Math.min(this.#passing, this.#held.length));
    this.#passing -= piece.length;
    out.push(piece);
    return true;
  }

  #take(length: number): Buffer {
    const taken = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return taken;
  }
}

function isAcceptable(fields: readonly HeaderField[]): boolean {
  const authority = fields.find(({ name }) => name === ":authority");
  return authority !== undefined && acceptable.test(authority.value);
}

/** A request's authority, and its equal `host`, become `localhost`; trailers have none and stay as they are. */
function withLocalAuthority(fields: readonly HeaderField[]): HeaderField[] {
  const local = { name: ":authority", value: "localhost", neverIndexed: false };
  const named = fields.map((field) => (isAuthority(field) ? { ...field, value: local.value } : field));
  const isRequest = fields.some(({ name }) => name === ":method");
  return isRequest && !fields.some(({ name }) => name === local.name) ? [local, ...named] : named;
}

function isAuthority({ name }: HeaderField): boolean {
  return name === ":authority" || name === "host";
}
