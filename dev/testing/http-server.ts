import http, { type IncomingMessage, type ServerResponse } from "node:http";
import https from "node:https";
import net, { type AddressInfo, type Server, type Socket } from "node:net";

/** A server of a test, and how to end it with all its sockets. */
export interface TestServer {
  origin: string;
  port: number;
  /** Sockets accepted so far. */
  accepted: () => number;
  close: () => Promise<void>;
}

export type Handler = (request: IncomingMessage & { text: string }, response: ServerResponse) => void;

/** HTTP on a free port of 127.0.0.1, or TLS with `tls`, or a unix socket at `path`; the handler gets the body as `text`. */
export async function serveHttp(
  handler: Handler,
  { tls, path }: { tls?: https.ServerOptions; path?: string } = {},
): Promise<TestServer> {
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => handler(Object.assign(request, { text: Buffer.concat(pieces).toString() }), response));
  };
  const server = tls ? https.createServer(tls, listener) : http.createServer(listener);
  return serve(server, tls ? "https" : "http", path);
}

/** Raw TCP, for what no HTTP server would do. */
export function serveRaw(onSocket: (socket: Socket) => void): Promise<TestServer> {
  return serve(net.createServer(onSocket), "http");
}

async function serve(server: Server, scheme: string, path?: string): Promise<TestServer> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  server.on("connection", (socket: Socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => (path ? server.listen(path, resolve) : server.listen(0, "127.0.0.1", resolve)));
  const port = path ? 0 : (server.address() as AddressInfo).port;
  return {
    origin: path ? `unix://${path}` : `${scheme}://127.0.0.1:${port}`,
    port,
    accepted: () => accepted,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
