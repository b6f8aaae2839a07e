import { expect, test } from "vitest";
import { captureLog } from "../../dev/testing/capture-log.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { freePorts } from "../../dev/testing/free-ports.js";
import { until } from "../../dev/testing/until.js";
import { type ErrorCode, ProviderError } from "../shared/errors.js";
import { KubeError } from "../kube/kube-error.js";
import { Redacted } from "../shared/redacted.js";
import { waitForKey } from "./wait-for-key.js";

const key = new Redacted(Buffer.alloc(32, 7));
const forbidding = () =>
  new KubeError(403, "Forbidden", "the Kubernetes API forbids it to keymount's service account (403)");
const failing = (code: ErrorCode) => new ProviderError(code, "the Kubernetes API cannot be reached (ECONNREFUSED)");

async function waiting(answers: (ProviderError | Redacted<Buffer>)[]) {
  const clock = new FakeClock();
  const ended = new AbortController();
  const { port } = await freePorts("port");
  const { log, lines } = captureLog();
  let asked = 0;
  const origin = {
    restore: async () => {
      asked += 1;
      const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  const parts = { healthAddress: { host: "127.0.0.1", port }, clock, random: () => 0.5, log };
  const outcome = waitForKey(origin, parts, ended.signal);
  outcome.catch(() => {});
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: response.status, text: await response.text() };
  };
  return { clock, ended, outcome, lines, ask, asked: () => asked };
}

test("while the API server is away, keymount lives and is not ready; it goes on when the key is there", async () => {
  const { clock, outcome, ask, lines } = await waiting([failing("unavailable"), failing("unavailable"), key]);
  await until(() => ask("/livez").catch(() => undefined));
  expect(await ask("/livez")).toMatchObject({ status: 200 });
  expect(await ask("/readyz")).toEqual({
    status: 503,
    text: expect.stringMatching(/starting: .*ECONNREFUSED/) as string,
  });
  expect(await ask("/metrics")).toEqual({ status: 200, text: "" });
  await clock.advance(1_000);
  await clock.advance(2_000);
  expect(await outcome).toBe(key);
  await expect(ask("/livez")).rejects.toThrow();
  expect(lines().map(({ msg }) => msg)).toEqual(
    Array(2).fill("the cluster's key cannot be read yet; it is tried again"),
  );
});

test("a key that is there at once needs no waiting", async () => {
  const { outcome, ask, asked } = await waiting([key]);
  expect(await outcome).toBe(key);
  expect(asked()).toBe(1);
  await expect(ask("/livez")).rejects.toThrow();
});

test.each<ErrorCode>(["permission_denied", "invalid_request"])(
  "what waiting does not help ends the start: %s",
  async (code) => {
    const { outcome, asked } = await waiting([failing(code)]);
    await expect(outcome).rejects.toMatchObject({ code });
    expect(asked()).toBe(1);
  },
);

test("an API server that has just started, and knows no rules yet, is waited for", async () => {
  const { clock, outcome, lines } = await waiting([failing("unavailable"), forbidding(), forbidding(), key]);
  await clock.advance(10_000);
  expect(await outcome).toBe(key);
  expect(lines()).toHaveLength(3);
});

test("what it forbids for a minute ends the start, however long it was away before", async () => {
  const { clock, outcome } = await waiting([...Array.from({ length: 20 }, () => failing("unavailable")), forbidding()]);
  let ended = false;
  outcome.catch(() => (ended = true));
  for (let seconds = 0; seconds < 200; seconds += 10) await clock.advance(10_000);
  expect(ended).toBe(false);
  await clock.advance(60_000);
  await expect(outcome).rejects.toMatchObject({ status: 403 });
});

test("a stop ends the waiting, and its health port", async () => {
  const { outcome, ended, ask } = await waiting([failing("unavailable")]);
  await until(() => ask("/livez").catch(() => undefined));
  ended.abort(new ProviderError("cancelled", "stopped"));
  await expect(outcome).rejects.toThrow("stopped");
  await expect(ask("/livez")).rejects.toThrow();
});
