import { request } from "node:http";
import { type NetConnectOpts, connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { until } from "../../dev/testing/until.js";
import { type HealthChecks, startHealthServer } from "./health-server.js";

const never = new AbortController().signal;

const well: HealthChecks = {
  unreadiness: async () => [],
  metrics: async () => ({ contentType: "text/plain; version=0.0.4", text: "keymount_up 1\n" }),
};

interface Reply {
  status: number | undefined;
  type: string | undefined;
  text: string;
}

/** Serves with these checks until the test ends; gives what asks it. */
async function serve(checks: Partial<HealthChecks> = {}) {
  const clock = new FakeClock();
  const server = await startHealthServer({ host: "127.0.0.1", port: 0 }, { ...well, ...checks }, clock, never);
  onTestFinished(() => server.stop());
  const ask = (path: string, method = "GET", headers = {}) =>
    new Promise<Reply>((resolve, reject) => {
      const asked = request({ ...server.address, path, method, headers, agent: false }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (piece: string) => (text += piece));
        response.on("end", () =>
          resolve({ status: response.statusCode, type: response.headers["content-type"], text }),
        );
      });
      asked.on("error", reject).end();
    });
  return { server, ask, clock };
}

test.each([
  ["/livez", "GET", 200, "ok\n"],
  ["/readyz", "GET", 200, "ok\n"],
  ["/readyz?verbose", "GET", 200, "ok\n"],
  ["/health/ready", "GET", 200, "ok\n"],
  ["/metrics", "GET", 200, "keymount_up 1\n"],
  ["/livez", "HEAD", 200, ""],
  ["/metrics", "HEAD", 200, ""],
  ["/", "GET", 404, "there are /livez, /readyz and /metrics\n"],
  ["/livez/", "GET", 404, "there are /livez, /readyz and /metrics\n"],
  ["//livez", "GET", 404, "there are /livez, /readyz and /metrics\n"],
  ["/metrics", "POST", 405, "only GET and HEAD\n"],
  ["/nowhere", "DELETE", 405, "only GET and HEAD\n"],
])("%s by %s is answered %i", async (path, method, status, text) => {
  const { ask } = await serve();
  expect(await ask(path, method)).toMatchObject({ status, text });
});

test("metrics have Prometheus's media type, the rest is plain text", async () => {
  const { ask } = await serve();
  expect([(await ask("/metrics")).type, (await ask("/livez")).type]).toEqual([
    "text/plain; version=0.0.4",
    "text/plain; charset=utf-8",
  ]);
});

test.each(["/readyz", "/health/ready"])("%s says why it is not ready, a line each", async (path) => {
  const reasons = ["socket: displaced", "connection main: TLS with https://vault:8200 is refused"];
  const { ask } = await serve({ unreadiness: async () => reasons });
  expect(await ask(path)).toMatchObject({ status: 503, text: `${reasons.join("\n")}\n` });
});

test("is alive also when it is not ready: a restart would only lose what is held", async () => {
  const { ask } = await serve({ unreadiness: async () => ["socket: failing"] });
  expect(await ask("/livez")).toMatchObject({ status: 200 });
});

test("readiness is checked again after a second, and cached until then", async () => {
  const reasons = [["starting"], []];
  const { ask, clock } = await serve({ unreadiness: async () => reasons.shift()! });
  const statuses = [(await ask("/readyz")).status, (await ask("/readyz")).status];
  await clock.advance(1_000);
  expect([...statuses, (await ask("/readyz")).status]).toEqual([503, 503, 200]);
});

test.each(["/readyz", "/metrics"])("%s, however many ask, is looked up once a second", async (path) => {
  let checks = 0;
  const count = async () => void (checks += 1);
  const { ask, clock } = await serve({
    unreadiness: () => count().then(() => []),
    metrics: () => count().then(() => ({ contentType: "text/plain", text: "keymount_up 1\n" })),
  });
  const statuses = await Promise.all(Array.from({ length: 12 }, async () => (await ask(path)).status));
  expect(statuses).toEqual(statuses.map(() => 200));
  expect(checks).toBe(1);
  await clock.advance(1_000);
  await ask(path);
  expect(checks).toBe(2);
});

test("a failure is not kept", async () => {
  let fails = true;
  const { ask } = await serve({
    unreadiness: () => (fails ? Promise.reject(new Error("canary")) : Promise.resolve([])),
  });
  const first = await ask("/readyz");
  fails = false;
  expect([first.status, (await ask("/readyz")).status]).toEqual([500, 200]);
});

test("held connections do not block new ones: the oldest is ended", async () => {
  const { server, ask } = await serve();
  const held = await Promise.all(Array.from({ length: 200 }, () => connected(server.address)));
  for (let probe = 0; probe < 6; probe++) expect(await ask("/livez")).toMatchObject({ status: 200 });
  await Promise.all(held.slice(0, 150).map(({ closed }) => closed));
  for (const { socket } of held) socket.destroy();
});

test("one address that holds many does not take the place of others", async () => {
  const { server } = await serve();
  const patient = await Promise.all(
    ["127.0.0.2", "127.0.0.3"].map((localAddress) => connected({ ...server.address, localAddress })),
  );
  const greedy = await Promise.all(
    Array.from({ length: 120 }, (_, n) => connected({ ...server.address, localAddress: `127.0.1.${n % 4}` })),
  );
  await Promise.all(greedy.slice(0, 50).map(({ closed }) => closed));
  expect(patient.map(({ socket }) => socket.destroyed)).toEqual([false, false]);
  for (const { socket } of [...patient, ...greedy]) socket.destroy();
});

test("one address has twenty answers a second at once; the others wait, and end their connections", async () => {
  const { server, ask, clock } = await serve();
  for (let n = 0; n < 20; n++) await ask("/metrics");
  const { socket, closed } = await connected(server.address);
  let text = "";
  socket.on("data", (piece: Buffer) => (text += piece.toString()));
  socket.write("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n".repeat(3));
  await until(() => clock.sleepers > 0);
  expect(text).toBe("");
  await clock.advance(1_000);
  await closed;
  expect(text.match(/HTTP\/1.1 200/g)).toHaveLength(1);
  expect(await ask("/livez")).toMatchObject({ status: 200 });
});

test("a stop does not wait for delayed requests", async () => {
  const { server, clock } = await serve();
  const { socket, closed } = await connected(server.address);
  socket.write("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n".repeat(30));
  await until(() => clock.sleepers === 10);
  await server.stop();
  await closed;
});

test("a body is not waited for", async () => {
  const { server } = await serve();
  const { socket, closed } = await connected(server.address);
  let text = "";
  socket.on("data", (piece: Buffer) => (text += piece.toString()));
  socket.write("GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
  await closed;
  expect(text).toMatch(/^HTTP\/1.1 200 [^]*connection: close/i);
});

/** A connection that is there, and when it has ended. */
async function connected(to: NetConnectOpts) {
  const socket = connect(to);
  socket.on("error", () => {});
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.resume();
  return { socket, closed };
}

test.each(["/readyz", "/metrics"])("a fault behind %s is a 500 without its words", async (path) => {
  const fails = () => Promise.reject(new Error("canary"));
  const { ask } = await serve({ unreadiness: fails, metrics: fails });
  expect(await ask(path)).toMatchObject({ status: 500, text: "internal error\n" });
});

test("headers beyond all measure are refused, and the next one is served", async () => {
  const { ask } = await serve();
  expect(await ask("/livez", "GET", { cookie: "x".repeat(9_000) })).toMatchObject({ status: 431 });
  expect(await ask("/livez")).toMatchObject({ status: 200 });
});

test("an address that is taken is a mistake of the configuration", async () => {
  const { server } = await serve();
  await expect(startHealthServer(server.address, well, new FakeClock(), never)).rejects.toMatchObject({
    code: "invalid_request",
    message: `the health address 127.0.0.1:${server.address.port} cannot be bound (EADDRINUSE)`,
  });
});

test("a check that takes more than four seconds is ended, and not waited for", async () => {
  const hangs = (signal: AbortSignal) =>
    new Promise<string[]>((resolve) => signal.addEventListener("abort", () => resolve(["socket: no answer in time"])));
  const { ask, clock } = await serve({ unreadiness: hangs });
  const asked = ask("/readyz");
  await until(() => clock.timers > 0);
  await clock.advance(3_999);
  expect(await Promise.race([asked, Promise.resolve("pending")])).toBe("pending");
  await clock.advance(1);
  expect(await asked).toMatchObject({ status: 503, text: "socket: no answer in time\n" });
});

test("a stop ends idle connections too, and may be asked for twice", async () => {
  const { server } = await serve();
  const idle = connect(server.address);
  await new Promise((resolve) => idle.once("connect", resolve));
  idle.write("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
  await new Promise((resolve) => idle.once("data", resolve));
  const closed = new Promise((resolve) => idle.once("close", resolve));
  await server.stop();
  await closed;
  await server.stop();
});
