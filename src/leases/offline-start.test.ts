import { setImmediate } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";
import type { FetchResult, Principal } from "../mount/ports.js";
import type { VaultRequest } from "../mount/mount-spec.js";
import { ProviderError } from "../shared/errors.js";
import type { JsonObject } from "../shared/json.js";
import { Redacted } from "../shared/redacted.js";
import { VaultError, type VaultErrorKind } from "../vault/vault-error.js";
import type { TokenEvent } from "../vault/vault-event.js";
import { sampleConnection } from "../../dev/testing/connection.js";
import { CountingVault, samplePrincipal } from "../../dev/testing/counting-vault.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { RecordsInMemory } from "../../dev/testing/records-in-memory.js";
import { sampleLimits, testCredentials } from "../../dev/testing/test-credentials.js";
import type { CredentialEvent } from "./credential-event.js";
import type { Credentials } from "./credentials.js";
import { readRequests } from "../../dev/testing/read-requests.js";

const never = new AbortController().signal;
const [minute, hour] = [60_000, 3_600_000];
const maxAgeMs = 24 * hour;
const connection = sampleConnection({ offline: { maxAgeMs } });
const app: VaultRequest = { method: "GET", path: "secret/data/app", query: "" };

function kv2(value: string, more: JsonObject = { mount_type: "kv" }): JsonObject {
  const metadata = { version: "1", created_time: "2026-01-01T00:00:00Z" };
  return { request_id: value, lease_id: "", data: { data: { value }, metadata }, ...more };
}

let clock: FakeClock;
let vault: CountingVault;
let records: RecordsInMemory;
let events: (CredentialEvent | TokenEvent)[];
let credentials: Credentials;
let strangers: Set<string>;

/** A process on the node; the records are those of the one before. */
function start(change: { offline?: { maxAgeMs: number }; bytes?: number; inFlightBytes?: number } = {}): void {
  const { bytes = 16 << 20, inFlightBytes = 64 << 20 } = change;
  credentials = testCredentials({
    client: vault,
    clock,
    limits: sampleLimits({ bytes, inFlightBytes }),
    emit: (event) => void events.push(event),
    isStranger: ({ uid }) => strangers.has(uid),
  });
  credentials.copies.open(records, records.all(), [
    { ...connection, ...(change.offline && { offline: change.offline }) },
  ]);
}

beforeEach(() => {
  clock = new FakeClock();
  vault = new CountingVault(clock);
  records = new RecordsInMemory();
  events = [];
  strangers = new Set();
  vault.replies.set(app.path, { body: kv2("1") });
  start();
});

let pods = 1;
/** Another pod of the same service account, unless said. */
function pod(change: Partial<Principal> = {}): Principal {
  const uid = `uid-${(pods += 1)}`;
  const volumeKey = `/pods/${uid}/volumes/kubernetes.io~csi/secrets/mount`;
  const { pod: sample } = samplePrincipal();
  return samplePrincipal({ connection, pod: { ...sample, uid }, ownerKey: uid, volumeKey, ...change });
}

async function mount(principal: Principal, request = app, signal = never): Promise<FetchResult | ProviderError> {
  const transaction = credentials.source.begin(principal);
  try {
    const [result] = await readRequests(transaction, [request], {}, signal);
    transaction.commit("v");
    return result!;
  } catch (reason) {
    return ProviderError.from(reason);
  } finally {
    transaction.end();
    await credentials.settled();
  }
}

function away(kind: VaultErrorKind = "outage", verb = "login"): void {
  for (let times = 0; times < 20; times += 1) vault.failures.push({ verb, kind });
}

function back(): void {
  vault.failures.length = 0;
}

const valueOf = (result: FetchResult | ProviderError) =>
  result instanceof ProviderError ? result.message : JSON.stringify(result.body.reveal());

async function pass(ms: number): Promise<void> {
  await clock.advance(ms);
}

test("a pod of the same account starts from the copy while Vault is away, and is told why and how old it is", async () => {
  await mount(pod());
  await pass(hour);
  away();
  const result = await mount(pod());
  expect(result).toMatchObject({ copyAgeMs: hour, staleReason: { kind: "outage" } });
  expect(valueOf(result)).toContain('"value":"1"');
  expect(events.filter(({ kind }) => kind === "copyServed")).toMatchObject([{ ageMs: hour, request: app }]);
  expect(credentials.cache.stalest(clock.monotonic())).toBe(hour);
});

test.each<[string, JsonObject]>([
  ["version 2", kv2("1")],
  ["version 2 where the engine is not named", kv2("1", {})],
  ["version 1", { data: { value: "1" }, mount_type: "kv", lease_id: "" }],
])("KV of %s is copied", async (_what, body) => {
  vault.replies.set(app.path, { body });
  await mount(pod());
  away();
  expect(valueOf(await mount(pod()))).toContain('"value":"1"');
});

test("once Vault is back, the next Mount reads what is there, and nothing is stale any more", async () => {
  await mount(pod());
  away();
  const principal = pod();
  await mount(principal);
  await pass(10 * minute);
  expect(await mount(principal)).toMatchObject({ copyAgeMs: 10 * minute });
  back();
  vault.replies.set(app.path, { body: kv2("2") });
  await pass(5 * minute); // The failed login's rest.
  const result = await mount(principal);
  expect(result).not.toHaveProperty("staleReason");
  expect(valueOf(result)).toContain('"value":"2"');
  expect(credentials.cache.stalest(clock.monotonic())).toBe(0);
});

test.each<[VaultErrorKind, "login" | "request", boolean]>([
  ["outage", "login", true],
  ["sealed", "login", true],
  ["configuration", "login", true],
  ["engine", "login", true],
  ["outage", "request", true],
  ["sealed", "request", true],
  ["engine", "request", true],
  ["quota", "login", false],
  ["quota", "request", false],
  ["protocol", "request", false],
  ["namespace", "request", false],
  ["login_denied", "login", false],
  ["denied", "request", false],
  ["refused", "request", false],
  ["missing", "request", false],
  ["deleted", "request", false],
  ["destroyed", "request", false],
])("%s at a %s: served from the copy: %s", async (kind, verb, served) => {
  await mount(pod());
  await pass(minute);
  away(kind, verb);
  const result = await mount(pod());
  expect(result instanceof ProviderError ? (result as VaultError).kind : "served").toBe(served ? "served" : kind);
});

describe("no copy is served", () => {
  const other = (change: Partial<Principal>) => ({ change: () => change });
  const reply = (body: JsonObject, more = {}) => ({ before: () => vault.replies.set(app.path, { body, ...more }) });
  const refusal = (kind: VaultErrorKind, verb: "login" | "request", of: Partial<Principal> = {}, request = app) => ({
    between: async () => {
      vault.failures.push({ verb, kind }, { verb, kind });
      await mount(pod(of), request);
      back();
    },
  });
  interface Case {
    /** Before the copy is made. */
    before?: () => unknown;
    /** When it is there, and before Vault goes away. */
    between?: () => unknown;
    change?: () => Partial<Principal>;
    request?: VaultRequest;
  }
  const { offline: _off, ...withoutOffline } = connection;
  const cases: [string, Case][] = [
    ["to another account, role, mount, audience or namespace", other({ accountKey: "account-2" })],
    ["to a pod whose token shows nothing", other({ mayStartOffline: false })],
    ["over a connection that does not say offline", other({ connection: withoutOffline })],
    ["older than the connection allows", { between: () => pass(maxAgeMs + 1) }],
    [
      "older than it allows now",
      { between: () => pass(2 * minute).then(() => start({ offline: { maxAgeMs: minute } })) },
    ],
    ["to a pod that the API server does not know", { change: () => (strangers.add(`uid-${pods + 1}`), {}) }],
    ["for another path", { request: { ...app, path: "secret/data/other" } }],
    ["for another query", { request: { ...app, query: "version=1" } }],
    ["of a lease", reply(kv2("1"), { lease: { id: "lease-1", durationMs: hour } })],
    ["of another engine", reply(kv2("1", { mount_type: "database" }))],
    ["of an engine that is not known", reply({ data: { password: "1" } })],
    ["of an answer that only looks like KV", reply({ data: { data: { value: "1" } } })],
    ["of another method", { request: { ...app, method: "PUT" } }],
    ["after a denial of the path", refusal("denied", "request")],
    ["after a denial of the path with another query", refusal("denied", "request", {}, { ...app, query: "version=1" })],
    ["after a deletion", refusal("deleted", "request")],
    ["after a destruction", refusal("destroyed", "request")],
    ["after it was missing", refusal("missing", "request")],
    ["after it was missing for another account", refusal("missing", "request", { accountKey: "account-2" })],
    ["after another final refusal", refusal("refused", "request")],
    ["after a refused login", refusal("login_denied", "login")],
    ["after a refused login for another path", refusal("login_denied", "login", {}, { ...app, path: "secret/data/x" })],
    ["after everything was revoked", { between: () => credentials.copies.clear() }],
    ["where its record is damaged", { between: () => damage() }],
    ["where an older record of it is back", { between: () => putBack() }],
    ["where another process has the directory", { between: () => credentials.copies.close() }],
    ["of a sync controller's volume", { before: () => (firstPod = pod({ podVolume: false })) }],
  ];
  let firstPod: Principal;
  async function damage(): Promise<void> {
    for (const { name } of records.all()) await records.write(name, new Redacted(Buffer.from("{}")));
  }

  async function putBack(): Promise<void> {
    const [older] = records.all();
    vault.replies.set(app.path, { body: kv2("2") });
    await mount(pod());
    await records.write(older!.name, older!.payload);
  }

  test.each(cases)("%s", async (_what, { before, between, change, request = app }) => {
    firstPod = pod();
    await before?.();
    await mount(firstPod, request.method === app.method ? app : request);
    await pass(minute);
    await between?.();
    await credentials.settled();
    await pass(minute);
    away();
    expect(await mount(pod(change?.()), request)).toBeInstanceOf(ProviderError);
    expect(events.filter(({ kind }) => kind === "copyServed")).toEqual([]);
  });

  test("and what a refusal or an end concerns is removed from the directory, so that no later process has it", async () => {
    for (const end of ["denied", "deleted", "login_denied"] as const) {
      back();
      await pass(hour);
      await mount(pod());
      expect(records.all()).toHaveLength(1);
      await refusal(end, end === "login_denied" ? "login" : "request").between();
      expect(records.all()).toEqual([]);
    }
    await pass(hour);
    await mount(pod());
    await pass(maxAgeMs + 1);
    credentials.copies.sweep();
    await credentials.settled();
    expect(records.all()).toEqual([]);
  });
});

describe("copies", () => {
  // Everyone may ask for a version that never was, or list a secret: that must not take the copies of others.
  test.each<[string, Partial<VaultRequest>, Partial<Principal>]>([
    ["another account's read of a version that is missing", { query: "version=99" }, { accountKey: "account-2" }],
    ["its own read of a version that is missing", { query: "version=99" }, {}],
    ["another account's list of the path", { method: "LIST" }, { accountKey: "account-2" }],
  ])("outlive %s", async (_what, change, of) => {
    await mount(pod());
    vault.failures.push({ verb: "request", kind: "missing" }, { verb: "request", kind: "missing" });
    await mount(pod(of), { ...app, ...change });
    back();
    await credentials.settled();
    expect(records.all()).toHaveLength(1);
    await pass(minute);
    away();
    expect(await mount(pod())).toMatchObject({ copyAgeMs: minute });
  });

  test("survive a restart with their age, but not another address of the connection, and not the time of another clock", async () => {
    await mount(pod());
    await pass(hour);
    start();
    away();
    expect(await mount(pod())).toMatchObject({ copyAgeMs: hour });
    const kept = records.all();
    credentials.copies.open(records, kept, [{ ...connection, addresses: [{ origin: "https://other.example:8200" }] }]);
    expect(await mount(pod())).toBeInstanceOf(ProviderError);
    clock = new FakeClock();
    vault = new CountingVault(clock);
    await pass(minute);
    for (const { name, payload } of kept) await records.write(name, aged(payload, hour));
    start();
    away();
    expect(await mount(pod())).toBeInstanceOf(ProviderError);
  });

  test("a secret that stays as it is, is written anew only now and then, and its age is that of the last read", async () => {
    let written = 0;
    records.written = () => (written += 1);
    const principal = pod();
    for (let times = 0; times < 20; times += 1) {
      vault.replies.set(app.path, { body: { ...kv2("1"), request_id: String(times) } });
      await mount(principal);
      await pass(10 * minute);
    }
    expect(written).toBe(3);
    away();
    expect(await mount(pod())).toMatchObject({ copyAgeMs: 10 * minute });
  });

  test("a read that was requested before a denial was seen brings no copy back", async () => {
    await mount(pod());
    await pass(minute);
    let open = () => {};
    vault.gate = new Promise((resolve) => (open = resolve));
    const slow = mount(pod());
    await pass(minute);
    credentials.copies.refused(pod(), app, new VaultError("denied", "no"));
    open();
    expect(await slow).not.toBeInstanceOf(ProviderError);
    away();
    expect(await mount(pod())).toBeInstanceOf(ProviderError);
  });

  test.each([
    ["a refusal", async () => credentials.copies.refused(pod(), app, new VaultError("login_denied", "no"))],
    ["a newer answer", () => mount(pod())],
  ])("%s that is seen while another process has the directory ends the copy there", async (_what, see) => {
    await mount(pod());
    await pass(minute);
    credentials.copies.close();
    await see();
    await pass(minute);
    credentials.copies.open(records, records.all(), [connection]);
    await credentials.settled();
    away();
    expect(await mount(pod())).toBeInstanceOf(ProviderError);
    expect(records.all()).toEqual([]);
  });

  test.each([
    ["stays", "nothing", () => undefined, 1],
    [
      "is not copied again",
      "a refusal",
      () => credentials.copies.refused(pod(), app, new VaultError("denied", "no")),
      0,
    ],
  ])("what an earlier process has read and delivered %s after %s", async (_what, _end, end, copies) => {
    const principal = pod();
    const delivered = await mount(principal);
    if (delivered instanceof ProviderError) throw delivered;
    await pass(minute);
    end();
    await credentials.settled();
    await pass(minute);
    start();
    credentials.copies.keep(principal, [{ ...delivered, request: app }]);
    await credentials.settled();
    expect(records.all()).toHaveLength(copies);
  });

  test("a deletion that fails is told and tried again, and the copy is served no more", async () => {
    await mount(pod());
    await pass(minute);
    records.refusal = new Error("read-only");
    credentials.copies.refused(pod(), app, new VaultError("denied", "no"));
    await credentials.settled();
    expect(events.filter(({ kind }) => kind === "copyFailed")).toHaveLength(1);
    expect(records.all()).toHaveLength(1);
    away();
    expect(await mount(pod())).toBeInstanceOf(ProviderError);
    records.refusal = undefined;
    credentials.copies.sweep();
    await credentials.settled();
    expect(records.all()).toEqual([]);
  });

  const keep = (value: string, request = app) =>
    credentials.copies.keep(pod(), [{ request, body: new Redacted(kv2(value)), readAt: clock.monotonic() }]);
  /** Holds what is written from now on; returns what lets it go on. */
  function hold(): () => void {
    let open = () => {};
    records.gate = new Promise((resolve) => (open = resolve));
    return open;
  }

  test.each([
    ["once", 1],
    ["twice, the second time during that write,", 2],
  ])("a new version that is read %s and cannot be written is written when it is read again", async (_what, times) => {
    await mount(pod());
    const open = hold();
    records.refusal = new Error("no space");
    for (let time = 0; time < times; time += 1) {
      await pass(minute);
      keep("2");
    }
    open();
    await credentials.settled();
    records.refusal = undefined;
    await pass(minute);
    keep("2");
    away();
    expect(valueOf(await mount(pod()))).toContain('"value":"2"');
  });

  test("one that is being written is waited for", async () => {
    await mount(pod());
    await pass(minute);
    const open = hold();
    keep("2");
    const found = credentials.copies.find(pod(), app);
    open();
    const { body, readAt } = (await found)!;
    expect([JSON.stringify(body.reveal()), readAt]).toEqual([expect.stringContaining('"value":"2"'), minute]);
  });

  test("one that is looked for while another is being written is not taken for the version that comes meanwhile", async () => {
    await mount(pod());
    await pass(minute);
    const open = hold();
    keep("other", { ...app, path: "secret/data/other" });
    const found = credentials.copies.find(pod(), app);
    const openNext = hold();
    keep("2");
    open();
    await setImmediate();
    openNext();
    expect(JSON.stringify((await found)?.body.reveal() ?? "none")).not.toContain('"value":"1"');
    await credentials.settled();
    expect(await credentials.copies.find(pod(), app)).toMatchObject({ readAt: minute });
  });

  test("one that cannot be read now is told and kept, and is served once it can be read", async () => {
    await mount(pod());
    await pass(minute);
    away();
    records.fault = new Error("too many open files");
    expect(await mount(pod())).toBeInstanceOf(ProviderError);
    expect(events.filter(({ kind }) => kind === "copyFailed")).toHaveLength(1);
    records.fault = undefined;
    expect(await mount(pod())).toMatchObject({ copyAgeMs: minute });
  });

  test("are read one at a time, for any number of Mounts", async () => {
    await mount(pod());
    const read = records.read.bind(records);
    const reading = { now: 0, most: 0 };
    records.read = async (id) => {
      reading.most = Math.max(reading.most, (reading.now += 1));
      await setImmediate();
      reading.now -= 1;
      return read(id);
    };
    const found = await Promise.all(Array.from({ length: 20 }, () => credentials.copies.find(pod(), app)));
    expect({ found: found.filter(Boolean).length, most: reading.most }).toEqual({ found: 20, most: 1 });
  });

  test("of one namespace leave room for those of others, and new ones take the place of the longest unread", async () => {
    start({ bytes: 8 * 2 * 4096 });
    for (let number = 0; number < 10; number += 1) {
      const path = `secret/data/${number}`;
      vault.replies.set(path, { body: kv2(String(number)) });
      await mount(pod(), { ...app, path });
      await pass(minute);
    }
    expect(records.all()).toHaveLength(4);
    const { pod: sample } = samplePrincipal();
    await mount(pod({ accountKey: "account-2", pod: { ...sample, namespace: "crm" } }));
    expect(records.all()).toHaveLength(5);
    vault.replies.set("secret/data/big", { body: kv2("x".repeat(40_000)) });
    await mount(pod(), { ...app, path: "secret/data/big" });
    expect(events.filter(({ kind }) => kind === "limitReached")).toMatchObject([{ limit: "offline" }]);
    expect(records.all()).toHaveLength(5); // It takes the place of none.
    away();
    expect(await mount(pod({ accountKey: "account-2" }))).toHaveProperty("copyAgeMs");
  });
});

describe("a user and its password, which are rotated together", () => {
  const [user, password] = ["user", "password"].map((name): VaultRequest => ({ ...app, path: `secret/data/${name}` }));
  const both = [user!, password!];
  const write = (value: string, requests = both) => {
    for (const { path } of requests) vault.replies.set(path, { body: kv2(value) });
  };
  const away = ({ path }: VaultRequest) =>
    vault.replies.set(path, () => {
      throw new VaultError("outage", "no answer");
    });
  async function mountBoth(principal = pod()): Promise<string[] | string> {
    const transaction = credentials.source.begin(principal);
    try {
      const results = await readRequests(transaction, both);
      transaction.commit("v");
      return results.map((result) => /"value":"(.)"/.exec(valueOf(result))![1]!);
    } catch (reason) {
      return ProviderError.from(reason).message;
    } finally {
      transaction.end();
      await credentials.settled();
    }
  }

  beforeEach(async () => {
    write("1");
    await mountBoth();
    await pass(hour);
  });

  test("while one cannot be read and the other is new, both are as they were, for as long as that lasts", async () => {
    write("2", [user!]);
    away(password!);
    const principal = pod();
    expect(await mountBoth(principal)).toEqual(["1", "1"]);
    away(user!);
    await pass(minute);
    for (const one of [principal, pod()]) expect(await mountBoth(one)).toEqual(["1", "1"]);
    write("2");
    await pass(minute);
    for (const one of [principal, pod()]) expect(await mountBoth(one)).toEqual(["2", "2"]);
  });

  test("while one cannot be read and the other is as it was, a pod starts", async () => {
    away(password!);
    expect(await mountBoth()).toEqual(["1", "1"]);
  });

  test("where one alone has changed, a pod starts from the newest of both, also after a restart", async () => {
    write("2", [user!]);
    expect(await mountBoth()).toEqual(["2", "1"]);
    start();
    for (const request of both) away(request);
    expect(await mountBoth()).toEqual(["2", "1"]);
  });

  test("one that was read for another class since does not go with the other", async () => {
    write("2");
    await mount(pod(), user);
    for (const request of both) away(request);
    expect(await mountBoth()).toMatch(/of different moments/);
    expect(valueOf(await mount(pod(), user))).toContain('"value":"2"');
  });
});

test("a Mount that has no room for its copies looks for no more of them, and gives back what it took for the others", async () => {
  start({ inFlightBytes: 1 << 20 }); // Half of it for one namespace: two of these.
  const requests = Array.from({ length: 10 }, (_, n): VaultRequest => ({ ...app, path: `secret/data/${n}` }));
  for (const request of requests) {
    vault.replies.set(request.path, { body: kv2("x".repeat(100_000)) });
    await mount(pod(), request);
  }
  let lookups = 0;
  const read = records.read.bind(records);
  records.read = async (id) => {
    lookups += 1;
    for (let turns = lookups; turns > 0; turns -= 1) await setImmediate();
    return read(id);
  };
  away();
  const transaction = credentials.source.begin(pod());
  await expect(readRequests(transaction, requests)).rejects.toThrow("limits.inFlightBytes");
  transaction.end();
  for (let turns = 0; turns < 20; turns += 1) await setImmediate();
  expect(lookups).toBe(3);
  expect(credentials.inFlight.total).toBe(0);
});

/** The record of a time that is so much later. */
function aged(payload: Redacted<Buffer>, ms: number): Redacted<Buffer> {
  const record = JSON.parse(payload.reveal().toString()) as { readAt: number };
  return new Redacted(Buffer.from(JSON.stringify({ ...record, readAt: record.readAt + ms })));
}
