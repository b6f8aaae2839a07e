import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { AuthorityRewriter } from "./authority-rewriter.js";
import { WholeAnswers } from "./whole-answers.js";

/**
 * Stands between a client's connection and the HTTP/2 server, for `:authority`'s sake (see `AuthorityRewriter`), and
 * so that answers leave whole (see `WholeAnswers`). Both directions press back; an end, an error or a destruction of either side reaches the other. It owns the socket. It ends once the server has said GOAWAY for
 * an error: Node reads no more of such a connection, not even its end, and would keep it for good.
 */
export class AuthorityShim extends Duplex {
  readonly #socket: Socket;
  readonly #rewriter = new AuthorityRewriter();
  readonly #answers: WholeAnswers;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    this.#answers = new WholeAnswers(
      (bytes) => socket.write(bytes),
      () => setImmediate(() => this.destroy()),
    );
    socket.on("data", (chunk: Buffer) => this.#received(chunk));
    socket.on("end", () => this.push(null));
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy());
    socket.pause();
  }

  #received(chunk: Buffer): void {
    let wantsMore = true;
    for (const piece of this.#rewriter.push(chunk)) wantsMore = this.push(piece);
    if (!wantsMore) this.#socket.pause();
  }

  override _read(): void {
    this.#socket.resume();
  }

  /** Nothing waits here while the socket takes it: what waits is lost when the HTTP/2 session ends, as Node 24 does at once. */
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#answers.push(chunk);
    if (this.#socket.writableNeedDrain) this.#socket.once("drain", done);
    else done();
  }

  override _writev(pieces: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this._write(
      pieces.length === 1 ? pieces[0]!.chunk : Buffer.concat(pieces.map(({ chunk }) => chunk)),
      "buffer" as BufferEncoding,
      done,
    );
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#answers.flush();
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (error) this.#socket.destroy();
    else {
      this.#answers.flush();
      this.#socket.destroySoon();
    }
    done(error);
  }
}
