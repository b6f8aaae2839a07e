import { connect, type Socket } from "node:net";
import { clientPreface, flag, frame, frameHeaderLength, readFrameHeader } from "../../src/rpc/http2-frames.js";

/** A frame as a peer sent it. */
export interface ReceivedFrame {
  type: number;
  flags: number;
  stream: number;
  payload: Buffer;
}

/** An HTTP/2 client that sends just what it is given, and tells what came back. */
export class RawHttp2Client {
  readonly frames: ReceivedFrame[] = [];
  readonly #socket: Socket;
  #held = Buffer.alloc(0);
  #watchers = new Set<() => void>();
  closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#received(chunk));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.closed = true;
      this.#wake();
    });
  }

  static connect(path: string): Promise<RawHttp2Client> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.once("error", reject);
      socket.once("connect", () => resolve(new RawHttp2Client(socket)));
    });
  }

  /** The preface, empty SETTINGS, and an acknowledgement of the server's. */
  callVersion(): void {
    this.send(clientPreface, frame(4, 0, 0, Buffer.alloc(0)), frame(4, 1, 0, Buffer.alloc(0)));
  }

  send(...pieces: Buffer[]): void {
    this.#socket.write(Buffer.concat(pieces));
  }

  end(): void {
    this.#socket.end();
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Resolves when `seen` holds; rejects when the connection is over and it does not. */
  async until(seen: () => boolean): Promise<void> {
    while (!seen()) {
      if (this.closed) throw new Error("the connection was closed");
      await new Promise<void>((resolve) => this.#watchers.add(resolve));
    }
  }

  /** What ended a stream: its trailers, or a reset with its code. */
  endOf(stream: number): "answered" | `reset ${number}` | undefined {
    for (const { type, flags, stream: of, payload } of this.frames) {
      if (of !== stream) continue;
      if (type === 3) return `reset ${payload.readUInt32BE(0)}`;
      if (flags & flag.endStream) return "answered";
    }
    return undefined;
  }

  /** The code of the GOAWAY received, if any. */
  get goaway(): number | undefined {
    return this.frames.find(({ type }) => type === 7)?.payload.readUInt32BE(4);
  }

  #received(chunk: Buffer): void {
    this.#held = Buffer.concat([this.#held, chunk]);
    while (this.#held.length >= frameHeaderLength) {
      const { length, ...header } = readFrameHeader(this.#held);
      if (this.#held.length < frameHeaderLength + length) break;
      const payload = this.#held.subarray(frameHeaderLength, frameHeaderLength + length);
      this.frames.push({ ...header, payload: Buffer.from(payload) });
      this.#held = this.#held.subarray(frameHeaderLength + length);
    }
    this.#wake();
  }

  #wake(): void {
    const watchers = [...this.#watchers];
    this.#watchers.clear();
    for (const wake of watchers) wake();
  }
}
