import { createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

/** The bytes sent in answer to one request, and what happens to the connection afterwards. */
export interface WireAnswer {
  bytes: Buffer;
  then: "keep" | "end" | "reset" | "hang";
}

/** An HTTP server that answers with arbitrary bytes. */
export class HostileServer {
  /** Called for each request with its line: `GET /v1/kv/app HTTP/1.1`. */
  answer: (requestLine: string) => WireAnswer = () => ({ bytes: Buffer.alloc(0), then: "end" });
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor() {
    this.#server = createServer((socket) => this.#serve(socket));
  }

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let received = Buffer.alloc(0);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      for (let length = requestLength(received); length !== undefined; length = requestLength(received)) {
        const requestLine = received.toString("latin1", 0, received.indexOf("\r\n"));
        received = received.subarray(length);
        this.#reply(socket, this.answer(requestLine));
      }
    });
  }

  #reply(socket: Socket, { bytes, then }: WireAnswer): void {
    if (then === "end") socket.end(bytes);
    else if (then === "reset") socket.write(bytes, () => socket.resetAndDestroy());
    else socket.write(bytes);
  }
}

/** Bytes of the first request, once it is whole. */
function requestLength(received: Buffer): number | undefined {
  const end = received.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const head = received.toString("latin1", 0, end);
  const length = end + 4 + Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
  return received.length >= length ? length : undefined;
}
