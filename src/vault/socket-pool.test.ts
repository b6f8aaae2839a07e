import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls, { TLSSocket, createServer } from "node:tls";
import { afterEach, describe, expect, test, vi } from "vitest";
import { makeIdentity } from "../../dev/testing/certificates.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { serveHttp, serveRaw } from "../../dev/testing/http-server.js";
import { poolTo, started } from "../../dev/testing/pooled-sockets.js";
import { until } from "../../dev/testing/until.js";
import { type HttpRequest, exchange } from "./http-exchange.js";
import { SocketPool } from "./socket-pool.js";

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

const never = new AbortController().signal;
const limits = { connectMs: 2_000, firstByteMs: 2_000, idleMs: 2_000, totalMs: 4_000, maxBytes: 1_000 };
const get = (pool: SocketPool, request: Partial<HttpRequest> = {}) =>
  exchange({ pool, clock: new FakeClock() }, { method: "GET", path: "/v1/x", headers: {}, ...request }, limits, never);

const reply = (headers: string) => `HTTP/1.1 200 OK\r\n${headers}Content-Length: 0\r\n\r\n`;

describe("a socket", () => {
  test("that was used last is used next, so that the others end", async () => {
    const clients: number[] = [];
    const { origin } = await started(
      serveHttp((request, response) => {
        clients.push(request.socket.remotePort!);
        response.end();
      }),
    );
    const pool = poolTo(origin);
    await Promise.all([get(pool), get(pool), get(pool)]);
    for (let more = 0; more < 3; more += 1) await get(pool);
    expect(new Set(clients.slice(0, 3)).size).toBe(3);
    expect(new Set(clients.slice(3)).size).toBe(1);
  });

  test.each([
    ["answers with HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"],
    ["announces that it closes", reply("Connection: close\r\n")],
    ["announces that it waits a second", reply("Keep-Alive: timeout=1\r\n")],
    ["sends more than its answer", `${reply("")}x`],
    ["announces content where there is none", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ])("is not used again when the other end %s", async (_name, answer) => {
    const server = await started(serveRaw((socket) => socket.on("data", () => socket.write(answer))));
    const pool = poolTo(server.origin);
    await get(pool);
    await get(pool);
    expect(server.accepted()).toBe(2);
  });

  test("that is ten minutes old is used no more", async () => {
    const server = await started(serveRaw((socket) => socket.on("data", () => socket.write(reply("")))));
    const clock = new FakeClock();
    const pool = poolTo(server.origin, {}, clock);
    await get(pool);
    await clock.advance(599_000);
    await get(pool);
    expect(server.accepted()).toBe(1);
    await clock.advance(1_000);
    await get(pool); // Its last use.
    await get(pool);
    expect(server.accepted()).toBe(2);
  });

  test.each([
    ["sends something unasked", "HTTP/1.1 408 Request Timeout\r\n\r\n"],
    ["closes", ""],
  ])("that idles is dropped when the other end %s", async (_name, farewell) => {
    let closed = 0;
    const server = await started(
      serveRaw((socket) => {
        socket.once("data", () => {
          socket.write(reply(""));
          if (farewell === "") socket.end();
          else setImmediate(() => socket.write(farewell));
        });
        socket.on("close", () => (closed += 1));
      }),
    );
    const pool = poolTo(server.origin);
    await get(pool);
    await until(() => closed === 1);
    await get(pool);
    expect(server.accepted()).toBe(2);
  });

  test("is not used again when the answer came before the whole request had left", async () => {
    const server = await started(
      serveRaw((socket) =>
        socket.once("data", () => {
          socket.pause();
          socket.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
        }),
      ),
    );
    const pool = poolTo(server.origin);
    const large = { method: "POST", body: "x".repeat(16 << 20) };
    expect(await get(pool, large)).toMatchObject({ status: 413 });
    expect(await get(pool)).toMatchObject({ status: 413 });
    expect(server.accepted()).toBe(2);
  });

  test.each(["s", "a#b", "a?b", "a%41", "ü", "[1]"])("goes to the unix socket of the name %s", async (name) => {
    const directory = mkdtempSync(join(tmpdir(), "keymount-"));
    endings.push(() => rmSync(directory, { recursive: true }));
    const { origin } = await started(
      serveHttp((_request, response) => response.end("here"), { path: join(directory, name) }),
    );
    expect((await get(poolTo(origin))).body.toString()).toBe("here");
  });

  test("in use ends with its pool, and its exchange with it", async () => {
    let asked = 0;
    const { origin } = await started(serveRaw((socket) => socket.on("data", () => (asked += 1))));
    const pool = poolTo(origin);
    const outcome = get(pool);
    await until(() => asked === 1);
    pool.close();
    await expect(outcome).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  test("in use when its pool retires finishes its exchange first", async () => {
    let answer = () => {};
    let closed = 0;
    const { origin } = await started(
      serveRaw((socket) => {
        socket.on("data", () => (answer = () => socket.write(reply(""))));
        socket.on("close", () => (closed += 1));
      }),
    );
    const pool = poolTo(origin);
    const outcome = get(pool);
    const before = answer;
    await until(() => answer !== before);
    pool.retire();
    answer();
    expect(await outcome).toMatchObject({ status: 200 });
    await until(() => closed === 1);
  });

  test.each<[string, string, string | undefined, string | false, string | undefined]>([
    ["an address", "127.0.0.1", undefined, false, undefined],
    ["a name", "localhost", undefined, "localhost", undefined],
    ["a name that the connection gives", "127.0.0.1", "vault.example", "vault.example", undefined],
    ["an address that the connection gives", "localhost", "10.9.8.7", false, undefined],
    ["another name", "127.0.0.1", "other.example", "other.example", "ERR_TLS_CERT_ALTNAME_INVALID"],
    ["another address", "localhost", "10.9.8.6", false, "ERR_TLS_CERT_ALTNAME_INVALID"],
  ])("demands a certificate for %s, and sends a name as SNI", async (_name, host, servername, sni, code) => {
    const names = ["127.0.0.1", "localhost", "vault.example", "10.9.8.7"];
    const identity = makeIdentity({ commonName: "vault", names, isCa: true });
    const seen: unknown[] = [];
    const { port } = await started(
      serveHttp(
        (request, response) => {
          seen.push((request.socket as TLSSocket).servername);
          response.end();
        },
        { tls: identity },
      ),
    );
    const pool = poolTo(`https://${host}:${port}`, { ca: identity.cert, ...(servername && { servername }) });
    const outcome = await get(pool).catch((reason: unknown) => reason);
    expect(outcome).toMatchObject(code === undefined ? { status: 200 } : { code, phase: "connecting" });
    expect(seen).toEqual(code === undefined ? [sni] : []);
  });

  test("shares what was parsed of the TLS material with the others", async () => {
    const identity = makeIdentity({ commonName: "vault", names: ["127.0.0.1"], isCa: true });
    const { port, accepted } = await started(serveHttp((_request, response) => response.end(), { tls: identity }));
    const parsed = vi.spyOn(tls, "createSecureContext");
    endings.push(() => parsed.mockRestore());
    const pool = poolTo(`https://127.0.0.1:${port}`, { ca: identity.cert });
    await Promise.all([get(pool), get(pool), get(pool)]);
    expect(accepted()).toBe(3);
    expect(parsed.mock.calls.filter(([options]) => options?.ca === identity.cert)).toHaveLength(1);
  });

  test("resumes the last one's TLS session, which spares the handshake's signatures", async () => {
    const identity = makeIdentity({ commonName: "vault", names: ["127.0.0.1"], isCa: true });
    const resumed: boolean[] = [];
    const server = createServer(identity, (socket: TLSSocket) => {
      resumed.push(socket.isSessionReused());
      socket.on("error", () => {});
      socket.on("data", () => socket.end(reply("Connection: close\r\n")));
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    endings.push(() => new Promise((closed) => server.close(closed)));
    const { port } = server.address() as { port: number };
    const pool = poolTo(`https://127.0.0.1:${port}`, { ca: identity.cert });
    await get(pool);
    await get(pool);
    expect(resumed).toEqual([false, true]);
  });
});

describe("a request", () => {
  const heads = async (origin: (port: number) => string, request: Partial<HttpRequest> = {}) => {
    let text = "";
    const server = await started(
      serveRaw((socket) =>
        socket.on("data", (piece: Buffer) => {
          text += piece.toString();
          socket.write(reply(""));
        }),
      ),
    );
    await get(poolTo(origin(server.port)), request);
    return { text: text.replaceAll(String(server.port), "PORT") };
  };

  test.each<[string, (port: number) => string, Partial<HttpRequest>, string]>([
    ["names its host", (port) => `http://127.0.0.1:${port}`, {}, "GET /v1/x HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n"],
    [
      "goes below a prefix",
      (port) => `http://localhost:${port}/vault`,
      {},
      "GET /vault/v1/x HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n",
    ],
    [
      "says the length of its body in bytes",
      (port) => `http://127.0.0.1:${port}`,
      { method: "PUT", body: "ü" },
      "PUT /v1/x HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nContent-Length: 2\r\n\r\nü",
    ],
    [
      "says the length of a body that its method rarely has",
      (port) => `http://127.0.0.1:${port}`,
      { body: "GET / HTTP/1.1\r\n\r\n" },
      "GET /v1/x HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nContent-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    ],
    [
      "without a body says so",
      (port) => `http://127.0.0.1:${port}`,
      { method: "POST" },
      "POST /v1/x HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nContent-Length: 0\r\n\r\n",
    ],
  ])("%s", async (_name, origin, request, text) => {
    expect(await heads(origin, request)).toEqual({ text });
  });

  test.each<[string, Partial<HttpRequest>]>([
    ["a line end in a header", { headers: { A: "b\r\nX-Vault-Token: c" } }],
    ["a line feed in a header", { headers: { A: "b\nc" } }],
    ["a NUL in a header", { headers: { A: "\0" } }],
    ["a letter of two bytes in a header", { headers: { A: "ü" } }],
    ["a line end in its path", { path: "/v1/x HTTP/1.1\r\nX-Vault-Token: c" }],
    ["a space in its path", { path: "/v1/a b" }],
    ["no path", { path: "" }],
  ])("with %s is not sent, and what is wrong is not repeated", async (_name, request) => {
    const server = await started(serveRaw(() => {}));
    const error: unknown = await get(poolTo(server.origin), request).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).not.toContain("X-Vault-Token");
    expect(server.accepted()).toBe(0);
  });
});
