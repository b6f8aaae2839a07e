import { type handleUnaryCall, Server, ServerCredentials, status } from "@grpc/grpc-js";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { startTestServer, temporaryDirectory } from "../../dev/testing/rpc-server.js";
import { CSIDriverProviderService, type MountRequest, MountResponse } from "../wire/provider.js";
import { DriverClient } from "./driver-client.js";
import { mountRequest } from "./mount-request.js";

const never = new AbortController().signal;
const request = mountRequest({
  pod: { namespace: "shop", name: "web-0", uid: "u", serviceAccount: "web" },
  parameters: {},
});
const empty: MountResponse = { objectVersion: [], error: undefined, files: [] };

function clientOf(socketPath: string, timeoutMs = 5_000): DriverClient {
  const client = new DriverClient(socketPath, { timeoutMs });
  onTestFinished(() => client.close());
  return client;
}

interface Asked {
  request: MountRequest;
  authority: string;
  hasDeadline: boolean;
}

/** A bare grpc-js provider, which may answer what ours never would. */
async function startProvider(answer: (asked: Asked, cancelled: Promise<void>) => Promise<MountResponse>) {
  const socketPath = join(await temporaryDirectory(), "odd.sock");
  const server = new Server({ "grpc.max_send_message_length": -1 });
  const mount: handleUnaryCall<MountRequest, MountResponse> = (call, respond) => {
    const asked = {
      request: call.request,
      authority: call.getHost(),
      hasDeadline: Number.isFinite(Number(call.getDeadline())),
    };
    const cancelled = new Promise<void>((resolve) => call.on("cancelled", () => resolve()));
    answer(asked, cancelled).then(
      (response) => respond(null, response),
      (error: unknown) => respond(error as Error),
    );
  };
  server.addService(CSIDriverProviderService, { version: () => {}, mount });
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socketPath}`, ServerCredentials.createInsecure(), (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
  onTestFinished(() => server.forceShutdown());
  return socketPath;
}

test("mounts from our own provider", async () => {
  const { socketPath } = await startTestServer();
  const client = clientOf(socketPath);
  expect(await client.mount(request, never)).toEqual({
    ok: true,
    stale: [],
    files: [{ path: "app", mode: 0o644, contents: Buffer.from("secret") }],
    versions: new Map([["app", "1"]]),
  });
  expect(await client.version(never)).toMatchObject({ runtimeVersion: "1.2.3" });
});

test("asks as the driver does", async () => {
  const asked: Asked[] = [];
  const socketPath = await startProvider(async (one) => {
    asked.push(one);
    return { ...empty, objectVersion: [{ id: "a", version: "" }] };
  });
  expect(await clientOf(socketPath).mount(request, never)).toEqual({
    ok: true,
    files: [],
    stale: [],
    versions: new Map([["a", ""]]),
  });
  expect(asked).toEqual([{ request, authority: "localhost", hasDeadline: true }]);
});

describe("takes for refused", () => {
  const large = Buffer.alloc((4 << 20) + 1);
  test.each<[string, () => Promise<MountResponse>, { code: string; message: unknown }]>([
    [
      "what the provider refuses",
      () => Promise.reject(Object.assign(new Error(), { code: status.PERMISSION_DENIED, details: "not yours" })),
      { code: "PERMISSION_DENIED", message: "not yours" },
    ],
    [
      "an answer with an error code",
      () => Promise.resolve({ ...empty, objectVersion: [{ id: "a", version: "1" }], error: { code: "Odd" } }),
      { code: "UNKNOWN", message: "mount request failed with provider error code Odd" },
    ],
    [
      "an answer without versions",
      () => Promise.resolve({ ...empty, files: [{ path: "a", mode: 0o644, contents: Buffer.from("x") }] }),
      { code: "UNKNOWN", message: "missing object versions" },
    ],
    [
      "an answer beyond 4 MiB",
      () => Promise.resolve({ ...empty, files: [{ path: "a", mode: 0o644, contents: large }] }),
      { code: "RESOURCE_EXHAUSTED", message: expect.stringContaining("larger than max") },
    ],
  ])("%s", async (_what, answer, refusal) => {
    const outcome = await clientOf(await startProvider(answer)).mount(request, never);
    expect(outcome).toEqual({ ok: false, ...refusal });
  });
});

test("asks three times where the provider is unavailable", { timeout: 10_000 }, async () => {
  let calls = 0;
  const socketPath = await startProvider(() => {
    calls += 1;
    return Promise.reject(Object.assign(new Error(), { code: status.UNAVAILABLE, details: "busy" }));
  });
  expect(await clientOf(socketPath).mount(request, never)).toEqual({ ok: false, code: "UNAVAILABLE", message: "busy" });
  expect(calls).toBe(3);
});

test("waits for a socket until its deadline", async () => {
  const socketPath = join(await temporaryDirectory(), "none.sock");
  expect(await clientOf(socketPath, 200).mount(request, never)).toMatchObject({ ok: false, code: "DEADLINE_EXCEEDED" });
});

test("an aborted mount is cancelled at the provider", async () => {
  const abort = new AbortController();
  const reason = new Error("enough");
  let gone: Promise<void> | undefined;
  const socketPath = await startProvider((_asked, cancelled) => {
    abort.abort(reason);
    gone = cancelled;
    return cancelled.then(() => empty);
  });
  await expect(clientOf(socketPath).mount(request, abort.signal)).rejects.toBe(reason);
  await expect(gone).resolves.toBeUndefined();
});

test("does not ask once aborted", async () => {
  const socketPath = await startProvider(() => Promise.reject(new Error("asked")));
  const reason = new Error("enough");
  await expect(clientOf(socketPath).mount(request, AbortSignal.abort(reason))).rejects.toBe(reason);
});
