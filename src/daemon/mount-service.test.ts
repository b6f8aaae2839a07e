import { expect, test } from "vitest";
import { ClassCache } from "../mount/class-cache.js";
import type { FetchResult } from "../mount/ports.js";
import { RequestsInFlight } from "../mount/requests-in-flight.js";
import { ProviderError } from "../shared/errors.js";
import { EventLoopScheduler } from "../shared/event-loop-scheduler.js";
import { Redacted } from "../shared/redacted.js";
import { sampleConnection } from "../../dev/testing/connection.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { inProcessRenderer } from "../../dev/testing/in-process-renderer.js";
import type { MountRequest } from "../wire/provider.js";
import { type MountServiceParts, mount } from "./mount-service.js";
import type { MountEvent } from "./provider-event.js";
import { transactionBy } from "../../dev/testing/read-requests.js";

const claims = { namespace: "shop", serviceaccount: { name: "web", uid: "u" } };
const payload = Buffer.from(JSON.stringify({ "kubernetes.io": claims })).toString("base64url");

function requestFor(template: string, namespace = "shop"): MountRequest {
  const attributes = {
    "csi.storage.k8s.io/pod.name": "web-0",
    "csi.storage.k8s.io/pod.namespace": namespace,
    "csi.storage.k8s.io/pod.uid": "0b2c",
    "csi.storage.k8s.io/serviceAccount.name": "web",
    "csi.storage.k8s.io/serviceAccount.tokens": JSON.stringify({ vault: { token: `h.${payload}.s` } }),
    roleName: "web",
    objects: `- {objectName: a, secretPath: b, template: "${template}"}`,
  };
  return {
    attributes: JSON.stringify(attributes),
    secrets: "{}",
    targetPath: "/mnt/secrets-store",
    permission: "420",
    currentObjectVersion: [],
  };
}

const left = AbortSignal.abort();

function partsOf(answer: Promise<FetchResult>): MountServiceParts {
  const connection = sampleConnection();
  return {
    answers: {
      begin: () => transactionBy(() => answer),
    },
    renderer: inProcessRenderer,
    clock: new FakeClock(),
    versionKey: () => Promise.resolve(new Redacted(Buffer.alloc(32, 7))),
    responseBytes: 3 << 20,
    operator: { connections: [connection], defaultConnection: connection, classAddress: "refuse" },
    reading: { refreshIntervalMs: 120_000, classes: new ClassCache(1 << 20) },
    inFlight: new RequestsInFlight(512 << 10),
    scheduler: new EventLoopScheduler(new FakeClock()),
    minter: undefined,
    emit: () => {},
  };
}

test("while Vault keeps a Mount waiting, its request is not kept, and what was read of it is counted", async () => {
  let answered = (_answer: FetchResult) => {};
  const parts = partsOf(new Promise<FetchResult>((resolve) => (answered = resolve)));
  const request = requestFor("x".repeat(50_000));
  const mounting = mount(request, parts, new AbortController().signal, left).response;
  expect(request).toMatchObject({ attributes: "", secrets: "" });
  expect(parts.inFlight.bytes).toBeGreaterThan(50_000);

  const others = Array.from(
    { length: 5 },
    (_, index) => mount(requestFor(`${index}`.repeat(50_000)), parts, new AbortController().signal, left).response,
  );
  await expect(others.at(-1)).rejects.toMatchObject({ code: "limit_exceeded" });
  answered({ body: new Redacted({ data: { a: "1" } }) });
  expect((await mounting).files).toHaveLength(1);
  await Promise.allSettled(others);
  expect(parts.inFlight.bytes).toBe(0);
});

test("a request that cannot be read is not kept either", async () => {
  const parts = partsOf(new Promise<FetchResult>(() => {}));
  const request = { ...requestFor(""), permission: "x" };
  await expect(mount(request, parts, new AbortController().signal, left).response).rejects.toThrow("the permission");
  expect(request.attributes).toBe("");
  expect(parts.inFlight.bytes).toBe(0);
});

test("a Mount that fails knows who asked, and tells of it with its target path", async () => {
  const refusal = Promise.reject<FetchResult>(new ProviderError("unavailable", "away"));
  void refusal.catch(() => {}); // It is read later.
  const parts = partsOf(refusal);
  const events: MountEvent[] = [];
  const call = mount(
    requestFor("x"),
    { ...parts, emit: (event) => events.push(event) },
    new AbortController().signal,
    left,
  );
  await expect(call.response).rejects.toMatchObject({ code: "unavailable" });
  expect(call.summary()).toEqual({
    request: { pod: expect.objectContaining({ name: "web-0" }) as unknown, connection: "default", role: "web" },
  });
  expect(events.map(({ kind }) => kind)).toEqual(["classRead", "mountFailed"]);
  expect(events.at(-1)).toMatchObject({ targetPath: "/mnt/secrets-store", error: { code: "unavailable" } });
});

test.each([
  ["the Mount's", "objectName: a", 0o440],
  ["its object's, where that names one", "objectName: a, filePermission: 0400", 0o400],
])("a file's mode is %s", async (_whose, object, mode) => {
  const { attributes, ...rest } = requestFor("x");
  const request = { ...rest, attributes: attributes.replace("objectName: a", object), permission: "288" };
  const parts = partsOf(Promise.resolve({ body: new Redacted({ data: {} }) }));
  const { files } = await mount(request, parts, new AbortController().signal, left).response;
  expect(files).toMatchObject([{ path: "a", mode }]);
});

test("classes are read in turns of their namespaces, one in each round of the event loop; what is known is read at once", async () => {
  const read: string[] = [];
  const never = new Promise<FetchResult>(() => {});
  const parts: MountServiceParts = {
    ...partsOf(never),
    emit: (event) => event.kind === "classRead" && read.push(event.spec.pod.namespace),
  };
  const signal = new AbortController().signal;
  const asked = (template: string, namespace: string) =>
    void mount(requestFor(template, namespace), parts, signal, left).response.catch(() => {});
  for (let n = 0; n < 20; n += 1) asked(`crowd ${n}`, "crowd");
  asked("shop", "shop");
  for (let round = 0; round < 3; round += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(read.slice(0, 2).sort()).toEqual(["crowd", "shop"]);
  expect(read.length).toBeLessThanOrEqual(4);
  asked("shop", "other");
  await Promise.resolve();
  await Promise.resolve();
  expect(read).toContain("other");
});
