import { afterEach, describe, expect, test } from "vitest";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { type TestServer, serveRaw } from "../../dev/testing/http-server.js";
import { until } from "../../dev/testing/until.js";
import { exchange } from "./http-exchange.js";
import { SocketPools } from "./socket-pools.js";

const never = new AbortController().signal;
const limits = { connectMs: 2_000, firstByteMs: 2_000, idleMs: 2_000, totalMs: 4_000, maxBytes: 1_000 };
const material = (digest: string) => ({ digest, options: { rejectUnauthorized: true } });

let server: TestServer;
afterEach(() => server.close());

describe("sockets of earlier TLS material", () => {
  const start = async () => {
    const waiting: (() => void)[] = [];
    let closed = 0;
    server = await serveRaw((socket) => {
      socket.on("data", () => waiting.push(() => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")));
      socket.on("close", () => (closed += 1));
    });
    const pools = new SocketPools(new FakeClock());
    const get = (digest: string) =>
      exchange(
        { pool: pools.to(server.origin, material(digest)), clock: new FakeClock() },
        { method: "GET", path: "/v1/x", headers: {} },
        limits,
        never,
      ).catch((reason: unknown) => reason);
    return { pools, get, waiting, closed: () => closed };
  };

  test("finish their exchange, and are not used again", async () => {
    const { pools, get, waiting, closed } = await start();
    const old = get("a");
    await until(() => waiting.length === 1);
    const fresh = get("b");
    await until(() => waiting.length === 2);
    for (const answer of waiting) answer();
    expect(await old).toMatchObject({ status: 200 });
    expect(await fresh).toMatchObject({ status: 200 });
    await until(() => closed() === 1);
    pools.close();
    await until(() => closed() === 2);
  });

  test("end with all others, however often the material has changed", async () => {
    const { pools, get, waiting } = await start();
    const outcomes = ["a", "b", "c"].map(get);
    await until(() => waiting.length === 3);
    pools.close();
    for (const outcome of outcomes) expect(await outcome).toMatchObject({ code: "ECONNRESET" });
  });
});
