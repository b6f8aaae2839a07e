import { ProviderError } from "../shared/errors.js";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { serveHttp, serveRaw } from "../../dev/testing/http-server.js";
import { poolTo, started } from "../../dev/testing/pooled-sockets.js";
import { until } from "../../dev/testing/until.js";
import { type ExchangeLimits, exchange } from "./http-exchange.js";
import { SocketPool } from "./socket-pool.js";

const never = new AbortController().signal;
const roomy: ExchangeLimits = { connectMs: 2_000, firstByteMs: 2_000, idleMs: 2_000, totalMs: 4_000, maxBytes: 1_000 };

let clock: FakeClock;
beforeEach(() => {
  clock = new FakeClock();
});

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

const get = (
  origin: string,
  limits: Partial<ExchangeLimits> = {},
  { signal = never, pool = poolTo(origin) }: { signal?: AbortSignal; pool?: SocketPool } = {},
) => exchange({ pool, clock }, { method: "GET", path: "/v1/x", headers: {} }, { ...roomy, ...limits }, signal);

/** Answers each connection's first bytes with text, and leaves the connection open. */
const answering = (text: string) => started(serveRaw((socket) => socket.once("data", () => socket.write(text))));

describe("an exchange", () => {
  test("sends method, path, headers and body; gives status, headers and body", async () => {
    const seen: unknown[] = [];
    const { origin } = await started(
      serveHttp((request, response) => {
        const { method, url, headers, text } = request;
        seen.push({ method, url, token: headers["x-vault-token"], length: headers["content-length"], text });
        response.writeHead(418, { "Retry-After": "3" }).end("ü");
      }),
    );
    const request = { method: "POST", path: "/v1/a?b=c", headers: { "X-Vault-Token": "t" }, body: '{"ü":1}' };
    const answer = await exchange({ pool: poolTo(origin), clock }, request, roomy, never);
    expect(answer).toMatchObject({ status: 418, headers: { "retry-after": "3" }, body: Buffer.from("ü") });
    expect(seen).toEqual([{ method: "POST", url: "/v1/a?b=c", token: "t", length: "8", text: '{"ü":1}' }]);
  });

  test("offers no encoding and knows no proxy of the environment", async () => {
    const { origin } = await started(serveHttp((request, response) => response.end(JSON.stringify(request.headers))));
    vi.stubEnv("HTTP_PROXY", "http://127.0.0.1:1").stubEnv("http_proxy", "http://127.0.0.1:1");
    endings.push(() => vi.unstubAllEnvs());
    const { body } = await get(origin);
    expect(JSON.parse(body.toString())).not.toHaveProperty("accept-encoding");
  });

  test("goes over a unix socket", async () => {
    const directory = mkdtempSync(join(tmpdir(), "keymount-"));
    endings.push(() => rmSync(directory, { recursive: true }));
    const { origin } = await started(
      serveHttp((_request, response) => response.end("here"), { path: join(directory, "s") }),
    );
    expect((await get(origin)).body.toString()).toBe("here");
  });

  test("keeps its answer, whatever comes for another one meanwhile", async () => {
    const parts: (() => void)[] = [];
    const { origin } = await started(
      serveHttp(({ url }, response) => {
        response.write(url!.repeat(100));
        parts.push(() => response.end(url!.repeat(100)));
      }),
    );
    const pool = poolTo(origin);
    const limits = { ...roomy, maxBytes: 10_000 };
    const answers = ["/one", "/two"].map((path) =>
      exchange({ pool, clock }, { method: "GET", path, headers: {} }, limits, never),
    );
    await until(() => parts.length === 2);
    for (const end of parts) end();
    const bodies = (await Promise.all(answers)).map(({ body }) => body.toString());
    expect(bodies).toEqual(["/one".repeat(200), "/two".repeat(200)]);
  });

  test("keeps a connection for the next", async () => {
    const server = await started(serveHttp((_request, response) => response.end()));
    const pool = poolTo(server.origin);
    await get(server.origin, {}, { pool });
    await get(server.origin, {}, { pool });
    expect(server.accepted()).toBe(1);
  });

  test("follows no redirect", async () => {
    const { origin } = await started(
      serveHttp((_request, response) => response.writeHead(307, { Location: "http://127.0.0.1:1/" }).end()),
    );
    expect(await get(origin)).toMatchObject({ status: 307 });
  });
});

describe("no answer", () => {
  const head = "HTTP/1.1 200 OK\r\n";
  const earlyHints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
  const crumbs = (count: number) => "1\r\nx\r\n".repeat(count);
  const roomier = { maxBytes: 4 << 20 };

  test.each<[string, string, Partial<ExchangeLimits>, string, string]>([
    [
      "it is longer than allowed, and says so",
      `${head}Content-Length: 1001\r\n\r\n`,
      {},
      "BODY_TOO_LARGE",
      "receiving",
    ],
    [
      "it is longer than allowed, in pieces",
      `${head}Transfer-Encoding: chunked\r\n\r\n3e9\r\n${"x".repeat(1001)}\r\n`,
      {},
      "BODY_TOO_LARGE",
      "receiving",
    ],
    [
      "its body is crumbs",
      `${head}Transfer-Encoding: chunked\r\n\r\n${crumbs(5_000)}`,
      roomier,
      "BODY_IN_CRUMBS",
      "receiving",
    ],
    ["interim answers have no end", earlyHints.repeat(50), {}, "TOO_MANY_INTERIM_ANSWERS", "waiting"],
    [
      "its trailers never end",
      `${head}Transfer-Encoding: chunked\r\n\r\n0\r\nA: ${"x".repeat(20_000)}`,
      {},
      "HEAD_TOO_LARGE",
      "receiving",
    ],
    ["it is no HTTP", "SSH-2.0-OpenSSH\r\n", {}, "NOT_HTTP", "waiting"],
    ["its headers never end", `${head}A: ${"x".repeat(20_000)}`, {}, "HEAD_TOO_LARGE", "waiting"],
  ])("when %s", async (_name, text, limits, code, phase) => {
    const { origin } = await answering(text);
    await expect(get(origin, limits)).rejects.toMatchObject({ code, phase });
  });

  test.each<[string, string, Partial<ExchangeLimits>, string, string]>([
    ["nothing comes", "", { firstByteMs: 30 }, "TIMEOUT_WAITING", "waiting"],
    ["the body stops", `${head}Content-Length: 9\r\n\r\nabc`, { idleMs: 30 }, "TIMEOUT_RECEIVING", "receiving"],
    ["the whole takes too long", `${head}Content-Length: 9\r\n\r\nabc`, { totalMs: 30 }, "TIMEOUT_WHOLE", "receiving"],
  ])("when %s, after the time it may take", async (_name, text, limits, code, phase) => {
    const { origin } = await answering(text);
    const timeouts = vi.spyOn(clock, "timer");
    const outcome = get(origin, limits).catch((reason: unknown) => reason);
    // One for the whole, one for each phase so far.
    await until(() => timeouts.mock.calls.length === (phase === "waiting" ? 3 : 4));
    await clock.advance(29);
    expect(await Promise.race([outcome, Promise.resolve("pending")])).toBe("pending");
    await clock.advance(1);
    expect(await outcome).toMatchObject({ code, phase });
  });

  test("when interim answers come for ever: after a few, not after the whole time", async () => {
    let written = 0;
    const { origin } = await started(
      serveRaw((socket) =>
        socket.once("data", () => {
          const more = () => {
            if (socket.destroyed) return;
            written += 1;
            socket.write(earlyHints, () => setImmediate(more));
          };
          more();
        }),
      ),
    );
    await expect(get(origin, { totalMs: 60_000, firstByteMs: 60_000 })).rejects.toMatchObject({
      code: "TOO_MANY_INTERIM_ANSWERS",
    });
    expect(written).toBeLessThan(10_000);
  });

  test("but there is one after interim answers, and one in many small pieces", async () => {
    const { origin } = await answering(
      `${earlyHints.repeat(3)}${head}Transfer-Encoding: chunked\r\n\r\n${crumbs(900)}0\r\n\r\n`,
    );
    expect((await get(origin)).body).toEqual(Buffer.from("x".repeat(900)));
  });

  test("when a drop comes at a time, for longer than the whole may take", async () => {
    let drip = () => {};
    const { origin } = await started(
      serveRaw((socket) => {
        socket.write(`${head}Content-Length: 999\r\n\r\n`);
        drip = () => socket.write("x");
      }),
    );
    let admitted = 0;
    const admit = () => (admitted += 1); // First what answers usually take, then at the head, then at each drop.
    const outcome = get(origin, { totalMs: 100, idleMs: 40, admit }).catch((reason: unknown) => reason);
    await until(() => admitted === 2);
    for (let drops = 1; drops <= 3; drops += 1) {
      await clock.advance(30);
      drip();
      await until(() => admitted === 2 + drops);
    }
    await clock.advance(9);
    expect(await Promise.race([outcome, Promise.resolve("pending")])).toBe("pending");
    await clock.advance(1);
    expect(await outcome).toMatchObject({ code: "TIMEOUT_WHOLE" });
  });

  test("when it is compressed", async () => {
    const { origin } = await started(
      serveHttp((_request, response) => response.writeHead(200, { "Content-Encoding": "gzip" }).end(gzipSync("x"))),
    );
    await expect(get(origin)).rejects.toMatchObject({ code: "ENCODED_BODY" });
  });

  test("when it breaks off", async () => {
    const { origin } = await started(
      serveRaw((s) => s.once("data", () => s.end(`${head}Content-Length: 9\r\n\r\nabc`))),
    );
    await expect(get(origin)).rejects.toMatchObject({ code: "ECONNRESET", phase: "receiving" });
  });

  test("without a listener: nothing had been sent", async () => {
    const server = await serveRaw(() => {});
    await server.close();
    await expect(get(server.origin)).rejects.toMatchObject({ code: "ECONNREFUSED", phase: "connecting" });
  });

  test("where no socket can be made: no timer is left behind", async () => {
    const take = () => {
      throw new Error("no socket");
    };
    const timers = vi.spyOn(clock, "timer");
    const pool = Object.assign(poolTo("http://127.0.0.1:1"), { take });
    await expect(get("", {}, { pool })).rejects.toThrow("no socket");
    expect(timers).not.toHaveBeenCalled();
  });

  test("when a kept-alive socket turns out closed", async () => {
    let requests = 0;
    const { origin } = await started(
      serveHttp((request, response) => (++requests === 1 ? response.end() : request.socket.destroy())),
    );
    const pool = poolTo(origin);
    await get(origin, {}, { pool });
    await expect(get(origin, {}, { pool })).rejects.toMatchObject({ code: "ECONNRESET", reusedSocket: true });
  });

  test("and its error holds nothing of the request", async () => {
    const { origin } = await answering("rubbish\r\n");
    const request = { method: "POST", path: "/v1/secret-path", headers: { "X-Vault-Token": "canary" }, body: "canary" };
    const error = await exchange({ pool: poolTo(origin), clock }, request, roomy, never).catch(
      (reason: unknown) => reason,
    );
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error)).replaceAll("\\n", "")).not.toContain("canary");
  });
});

describe("an abort", () => {
  test("ends the exchange with its reason, down to the socket", async () => {
    let closed: () => void = () => {};
    const socketClosed = new Promise<void>((resolve) => (closed = resolve));
    const giveUp = new AbortController();
    const { origin } = await started(
      serveRaw((socket) => {
        socket.once("data", () => giveUp.abort(new Error("enough")));
        socket.once("close", () => closed());
      }),
    );
    await expect(get(origin, {}, { signal: giveUp.signal })).rejects.toThrow("enough");
    await socketClosed;
  });

  test("before the start sends nothing", async () => {
    const server = await started(serveRaw(() => {}));
    await expect(get(server.origin, {}, { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
    expect(server.accepted()).toBe(0);
  });
});

describe("an answer's bytes are admitted", () => {
  const head = "HTTP/1.1 200 OK\r\n";
  const upTo = (most: number) => {
    const told: number[] = [];
    const admit = (bytes: number) => {
      told.push(bytes);
      if (bytes > most) throw new ProviderError("limit_exceeded", "no room");
    };
    return { told, admit };
  };

  test("before they are read, where the answer says how many", async () => {
    const { told, admit } = upTo(8_000);
    const { origin } = await answering(`${head}Content-Length: 9000\r\n\r\n`);
    await expect(get(origin, { admit, maxBytes: 10_000 })).rejects.toThrow("no room");
    expect(told).toEqual([4_096, 9_000]);
  });

  test("as they come, where it does not", async () => {
    const { told, admit } = upTo(4_200);
    const chunk = `${(5_000).toString(16)}\r\n${"x".repeat(5_000)}\r\n`;
    const { origin } = await answering(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(10)}0\r\n\r\n`);
    await expect(get(origin, { admit, maxBytes: 100_000 })).rejects.toThrow("no room");
    expect(told.at(-1)).toBeLessThan(100_000);
  });

  test("before anything is sent, so that what an answer usually takes is there for it", async () => {
    const { admit } = upTo(1_000);
    const server = await answering(`${head}Content-Length: 2\r\n\r\n{}`);
    await expect(get(server.origin, { admit })).rejects.toThrow("no room");
    expect(server.accepted()).toBe(0);
  });

  test("and then it comes", async () => {
    const { told, admit } = upTo(8_000);
    const { origin } = await answering(`${head}Content-Length: 2\r\n\r\n{}`);
    expect((await get(origin, { admit })).body.toString()).toBe("{}");
    expect(Math.max(...told)).toBe(4_096);
  });
});
