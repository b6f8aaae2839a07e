import { request } from "node:http";
import { connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
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
  const server = await startHealthServer({ host: "127.0.0.1", port: 0 }, { ...well, ...checks }, never);
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
  return { server, ask };
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

test("readiness is asked anew each time", async () => {
  const reasons = [["starting"], []];
  const { ask } = await serve({ unreadiness: async () => reasons.shift()! });
  expect([(await ask("/readyz")).status, (await ask("/readyz")).status]).toEqual([503, 200]);
});

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
  await expect(startHealthServer(server.address, well, never)).rejects.toMatchObject({
    code: "invalid_request",
    message: `the health address 127.0.0.1:${server.address.port} cannot be bound (EADDRINUSE)`,
  });
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
