import { writeFile } from "node:fs/promises";
import { systemClock } from "../shared/clock.js";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ProviderError } from "../shared/errors.js";
import { makeIdentity } from "../../dev/testing/certificates.js";
import { refusal, startKubernetesApi } from "../../dev/testing/kubernetes-api.js";
import { type KubeCall, KubeClient, kubePath } from "./kube-client.js";

const never = new AbortController().signal;
const call = { method: "GET", path: "/api/v1/namespaces/a/secrets/b", purpose: "reading Secret a/b" } as const;

test("sends the service account's token, and reads its file for each request", async () => {
  const { client, calls, directory } = await startKubernetesApi(() => ({ status: 200, body: { kind: "Secret" } }));
  expect((await client.call(call, never)).reveal()).toEqual({ kind: "Secret" });
  await writeFile(join(directory, "token"), "next-token");
  await client.call(call, never);
  expect(calls.map(({ authorization }) => authorization)).toEqual(["Bearer own-token", "Bearer next-token"]);
});

test("trusts the CA in the file, and no longer when the file changes", async () => {
  const { client, directory } = await startKubernetesApi(() => ({ status: 200, body: {} }));
  await client.call(call, never);
  await writeFile(join(directory, "ca.crt"), makeIdentity({ commonName: "other", isCa: true }).cert);
  await expect(client.call(call, never)).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringMatching(/^reading Secret a\/b: the Kubernetes API cannot be reached \([A-Z_]+\)$/) as string,
  });
});

test.each([
  [refusal(401, "Unauthorized"), "unavailable", "does not take keymount's own token"],
  [refusal(403, "Forbidden"), "permission_denied", "RBAC"],
  [refusal(404, "NotFound"), "not_found", "no such thing"],
  [refusal(429, "TooManyRequests"), "unavailable", "too often"],
  [refusal(500, "InternalError"), "unavailable", "status 500"],
  [{ status: 200, body: "<html>canary-message" }, "invalid_request", "not JSON"],
  [{ status: 302, body: "canary-message" }, "invalid_request", "status 302"],
])("a refusal becomes our error, without the server's words: %o", async (answer, code, words) => {
  const { client } = await startKubernetesApi(() => answer);
  const error = await client.call(call, never).catch((reason: unknown) => reason as ProviderError);
  expect(error).toMatchObject({ name: "KubeError", code, message: expect.stringContaining(words) as string });
  expect(JSON.stringify(error) + String((error as Error).stack)).not.toContain("canary");
});

test("an answer without end is cut off", async () => {
  const { client } = await startKubernetesApi(() => ({ status: 200, body: "x".repeat(5_000) }), { maxBytes: 1_000 });
  await expect(client.call(call, never)).rejects.toThrow("more than 1000 bytes");
});

test("interim answers without end are given up, of a call and of a watch", async () => {
  const { client } = await startKubernetesApi(() => ({ status: 200, body: "{}", interim: 50 }));
  await expect(client.call(call, never)).rejects.toThrow("TOO_MANY_INTERIM_ANSWERS");
  await expect(client.stream(call, 5_000, never).next()).rejects.toThrow("TOO_MANY_INTERIM_ANSWERS");
});

test("a body in crumbs is given up", async () => {
  const answer = { status: 200, body: "x".repeat(5_000), crumbs: true };
  const { client } = await startKubernetesApi(() => answer, { maxBytes: 1 << 20 });
  await expect(client.call(call, never)).rejects.toThrow("has more than");
});

test("a few interim answers and small pieces are nothing", async () => {
  const body = '{"a":"xxxxxxxxxxxxxxxxxxxxxxxxxxxx"}';
  const { client } = await startKubernetesApi(() => ({ status: 200, body, interim: 3, crumbs: true }));
  expect((await client.call(call, never)).reveal()).toEqual(JSON.parse(body));
});

test("a server that hangs is given up in time", async () => {
  const { client } = await startKubernetesApi(() => "hang", { timeoutMs: 50 });
  await expect(client.call(call, never)).rejects.toThrow(
    "reading Secret a/b: the Kubernetes API does not answer in time",
  );
});

/** Values are quoted in the API server's texts (apimachinery, field.Error). */
test.each<[number, string, string]>([
  [
    422,
    'Event "x" is invalid: reason: Invalid value: "canary": must be no more than 128 characters',
    "status 422: Event … is invalid: reason: Invalid value: …: must be no more than 128 characters",
  ],
  [400, "the name of 'canary' does not match `canary`", "status 400: the name of … does not match …"],
  [422, 'an open quote "canary', "status 422: an open quote …"],
  [422, "x".repeat(5_000), `status 422: ${"x".repeat(300)}`],
])("a %i says why, without the values: %s", async (status, message, words) => {
  const answer = { status, body: JSON.stringify({ kind: "Status", reason: "Invalid", message }) };
  const { client } = await startKubernetesApi(() => answer);
  await expect(client.call(call, never)).rejects.toMatchObject({
    name: "KubeError",
    code: "invalid_request",
    message: `reading Secret a/b: the Kubernetes API answers with ${words}`,
  });
});

test("a caller that gives up gets the reason at once", async () => {
  const deadline = new AbortController();
  const { client } = await startKubernetesApi(() => {
    deadline.abort(new ProviderError("cancelled", "the caller gave up"));
    return "hang";
  });
  await expect(client.call(call, deadline.signal)).rejects.toThrow("the caller gave up");
});

test("a server that is not there is named by its code", async () => {
  const { directory } = await startKubernetesApi(() => "hang");
  const gone = new KubeClient({
    api: { host: "127.0.0.1", port: 1 },
    directory,
    clock: systemClock,
  });
  await expect(gone.call(call, never)).rejects.toThrow("the Kubernetes API cannot be reached (ECONNREFUSED)");
});

test.each(["..", "a/b", "A", "", "a?b", "a%2fb"])("refuses %o as a name in a path", (name) => {
  expect(() => kubePath`/api/v1/namespaces/${name}`).toThrow("is not a name in Kubernetes");
});

describe("an answer that goes on", () => {
  const watching = { method: "GET", path: "/api/v1/pods?watch=true", purpose: "watching pods" } as const;
  const read = async (client: KubeClient, idleMs = 5_000, change: Partial<KubeCall> = {}) => {
    const lines: unknown[] = [];
    for await (const line of client.stream({ ...watching, ...change }, idleMs, never)) lines.push(line);
    return lines;
  };

  test("gives each line as it comes, until the server ends it", async () => {
    const { client } = await startKubernetesApi(() => ({ status: 200, body: '{"a":1}\n{"b":"ä"}\n' }));
    expect(await read(client)).toEqual([{ a: 1 }, { b: "ä" }]);
  });

  test.each([
    ["a line that is no JSON", { status: 200, body: '{"a":1}\ncanary\n' }, /a line of the answer is not JSON/],
    ["a line without an end", { status: 200, body: "x".repeat(2_000), open: true }, /has more than 1000 bytes/],
    ["a refusal", refusal(403, "Forbidden"), /RBAC/],
    ["one that is too old", refusal(410, "Expired"), /status 410/],
    ["a connection that breaks", { status: 200, body: '{"a":1}\n', cut: true }, /cannot be reached/],
  ] as const)("fails at %s", async (_what, answer, message) => {
    const { client } = await startKubernetesApi(() => answer, { maxBytes: 1_000 });
    await expect(read(client, 60_000)).rejects.toThrow(message);
  });

  test.each([
    ["silence", { status: 200, body: '{"a":1}\n', open: true }],
    ["a server that does not even begin", "hang"],
  ] as const)("fails at %s in its time", async (_what, answer) => {
    const { client } = await startKubernetesApi(() => answer, { maxBytes: 1_000, timeoutMs: 100 });
    await expect(read(client, 100)).rejects.toThrow(/does not answer in time/);
  });

  test("omits what is wanted to, however long it is", async () => {
    const object = { uid: "1", ownerReferences: [{ name: "<".repeat(200_000) }] };
    const body = `${JSON.stringify(object)}\n`.repeat(2);
    const { client } = await startKubernetesApi(() => ({ status: 200, body }), { maxBytes: 1_000 });
    const left = { uid: "1", ownerReferences: null };
    expect(await read(client, 60_000, { omit: ["ownerReferences"] })).toEqual([left, left]);
  });

  test("gives long lines that come in small pieces", async () => {
    const line = JSON.stringify({ a: "x".repeat(200_000) });
    const { client } = await startKubernetesApi(() => ({ status: 200, body: `${line}\n`.repeat(3) }));
    expect(await read(client)).toEqual([JSON.parse(line), JSON.parse(line), JSON.parse(line)]);
  });

  test("begins within the time of any call, however long it may be silent later", async () => {
    const { client } = await startKubernetesApi(() => "hang", { timeoutMs: 50 });
    await expect(read(client, 3_600_000)).rejects.toThrow(/does not answer in time/);
  });

  test("may be silent for longer than a call may take", async () => {
    const { client } = await startKubernetesApi(() => ({ status: 200, body: '{"a":1}\n', open: true }), {
      timeoutMs: 500,
    });
    const reading = client.stream(watching, 700, never);
    await reading.next();
    const before = performance.now();
    await expect(reading.next()).rejects.toThrow(/does not answer in time/);
    expect(performance.now() - before).toBeGreaterThan(550);
  });

  test("is left when the reader wants no more, and when its signal aborts", async () => {
    const { client } = await startKubernetesApi(() => ({ status: 200, body: '{"a":1}\n', open: true }));
    for await (const line of client.stream(watching, 5_000, never)) {
      expect(line).toEqual({ a: 1 });
      break;
    }
    const abort = new AbortController();
    const reason = new ProviderError("cancelled", "stopping");
    const reading = (async () => {
      for await (const _line of client.stream(watching, 5_000, abort.signal)) abort.abort(reason);
    })();
    await expect(reading).rejects.toBe(reason);
  });
});
