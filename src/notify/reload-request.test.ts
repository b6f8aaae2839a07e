import { expect, onTestFinished, test } from "vitest";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { type Handler, serveHttp } from "../../dev/testing/http-server.js";
import { systemClock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import { requestReload } from "./reload-request.js";
import { withRetries } from "./with-retries.js";

const never = new AbortController().signal;

async function asked(handler: Handler, { method = "POST", timeoutMs = 60_000 } = {}) {
  const requests: string[] = [];
  const server = await serveHttp((request, response) => {
    requests.push(`${request.method} ${request.url} ${request.text.length}`);
    handler(request, response);
  });
  onTestFinished(() => server.close());
  const url = new URL("/-/reload?token=s3cr3t", server.origin.replace("//", "//user:s3cr3t@"));
  const outcome = await requestReload({ url, method, timeoutMs }, systemClock, never).catch(
    (error: Error) => error.message,
  );
  expect(outcome).not.toContain("s3cr3t");
  return { outcome: outcome.replace(server.origin, "ORIGIN"), requests };
}

test.each<[string, Handler, string]>([
  ["200", (_, response) => response.end("ok"), "POST ORIGIN/-/reload was answered with 200"],
  ["204", (_, response) => response.writeHead(204).end(), "POST ORIGIN/-/reload was answered with 204"],
  [
    "a redirect",
    (_, response) => response.writeHead(302, { location: "/other" }).end(),
    "POST ORIGIN/-/reload was answered with 302",
  ],
  ["500", (_, response) => response.writeHead(500).end("s3cr3t"), "POST ORIGIN/-/reload was answered with 500"],
  ["a body without end", (_, response) => response.write("x"), "POST ORIGIN/-/reload was answered with 200"],
  ["a closed connection", (request) => request.socket.destroy(), "POST ORIGIN/-/reload failed: ECONNRESET"],
])("one request without a body; %s is told", async (_what, handler, outcome) => {
  expect(await asked(handler)).toEqual({ outcome, requests: ["POST /-/reload?token=s3cr3t 0"] });
});

test("one without an answer is told, with the time it had", async () => {
  expect(await asked(() => undefined, { timeoutMs: 300 })).toEqual({
    outcome: "POST ORIGIN/-/reload: no answer within 0.3 s",
    requests: ["POST /-/reload?token=s3cr3t 0"],
  });
});

test("another method", async () => {
  expect((await asked((_, response) => response.end(), { method: "PUT" })).requests).toEqual([
    "PUT /-/reload?token=s3cr3t 0",
  ]);
});

test.each([
  [0, []],
  [1, [0, 1_000]],
  [4, [0, 1_000, 3_000, 7_000, 15_000]],
  [9, [0, 1_000, 3_000, 7_000, 15_000]],
])("%i failures: tried again ever later, and not for ever", async (failures, times) => {
  const clock = new FakeClock();
  const at: number[] = [];
  const told: string[] = [];
  const act = async () => {
    at.push(clock.monotonic());
    if (at.length <= failures) throw new Error("no");
    return "done";
  };
  const outcome = withRetries(act, { clock, tell: (text) => void told.push(text) }, never).catch(
    (error: Error) => error.message,
  );
  await clock.advance(60_000);
  expect(at).toEqual(times.length > 0 ? times : [0]);
  expect(await outcome).toBe(failures > 4 ? "no" : "done");
  expect(told).toHaveLength(Math.min(failures, 4));
});

test("nothing is tried again after a stop", async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  let acts = 0;
  const act = async () => Promise.reject(new Error(`${++acts}`));
  const outcome = withRetries(act, { clock, tell: () => undefined }, stop.signal).catch(
    (error: Error) => error.message,
  );
  await clock.advance(1_500);
  stop.abort(new Error("stopped"));
  expect([await outcome, acts]).toEqual(["stopped", 2]);
});

test("what is not permitted is not tried again", async () => {
  let acts = 0;
  const act = async () => Promise.reject(new ProviderError("permission_denied", `no ${++acts}`));
  await expect(withRetries(act, { clock: new FakeClock(), tell: () => undefined }, never)).rejects.toThrow("no 1");
});
