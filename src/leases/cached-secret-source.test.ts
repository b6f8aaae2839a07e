import { setMaxListeners } from "node:events";
import { LosslessNumber } from "lossless-json";
import { beforeEach, describe, expect, test } from "vitest";
import type { VaultRequest } from "../mount/mount-spec.js";
import type { FetchResult, Principal, SecretSource } from "../mount/ports.js";
import { ProviderError } from "../shared/errors.js";
import type { JsonObject } from "../shared/json.js";
import { Redacted } from "../shared/redacted.js";
import { CountingVault, samplePrincipal } from "../../dev/testing/counting-vault.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { sampleLimits, testCredentials } from "../../dev/testing/test-credentials.js";
import { heldBytes } from "./cached-secret.js";
import type { SecretCache } from "./secret-cache.js";
import type { TokenStore } from "../vault/token-store.js";
import type { CredentialsParts } from "./credentials.js";
import { type ReadOptions, readRequests } from "../../dev/testing/read-requests.js";

const minute = 60_000;
const never = new AbortController().signal;
setMaxListeners(0, never);
const kv: VaultRequest = { method: "GET", path: "secret/data/app", query: "" };
const creds: VaultRequest = { method: "GET", path: "database/creds/app", query: "" };
const issue: VaultRequest = {
  method: "POST",
  path: "pki/issue/web",
  query: "",
  args: new Redacted('{"common_name":"a"}'),
};

let clock: FakeClock;
let vault: CountingVault;
let cache: SecretCache;
let source: SecretSource;
let tokens: TokenStore;
let staleServed: string[];

/** A draw of one half: refresh factors are 1, and spreads are half of their span. */
/** What an answer of the counting Vault takes. */
const one = heldBytes(100, kv);

function start(change: Partial<CredentialsParts["limits"]> = {}): void {
  clock = new FakeClock();
  vault = new CountingVault(clock);
  staleServed = [];
  ({ cache, source, tokens } = testCredentials({
    client: vault,
    clock,
    limits: sampleLimits({ volumes: 100, bytes: 100 * one, ...change }),
    emit: (event) => event.kind === "staleServed" && staleServed.push(event.request.path),
  }));
}

beforeEach(() => {
  start();
  vault.replies.set(kv.path, { body: secret("1") });
  vault.replies.set(creds.path, { body: secret("login-1"), lease: { id: "lease-1", durationMs: 30 * minute } });
  vault.replies.set(issue.path, { body: secret("cert-1") });
});

function secret(value: string): JsonObject {
  return { data: { value } };
}

interface Mount extends Partial<ReadOptions> {
  principal?: Partial<Principal>;
  requests?: VaultRequest[];
  signal?: AbortSignal;
}

/** One Mount: all its requests are answered together, then committed, as for the driver's Mount. */
async function mount({ principal, requests = [kv], signal = never, ...options }: Mount = {}): Promise<string[]> {
  const transaction = source.begin(samplePrincipal(principal));
  const delivered = await readRequests(transaction, requests, options, signal);
  const values = delivered.map(valueOf);
  transaction.commit(values.join());
  transaction.end();
  return values;
}

function valueOf({ body }: FetchResult): string {
  return (body.reveal() as { data: { value: string } }).data.value;
}

describe("a static answer", () => {
  test("costs one login and one read, and then nothing until it is due", async () => {
    await mount();
    await clock.advance(minute);
    await mount();
    expect(vault.calls).toEqual(["login web", "GET secret/data/app"]);
  });

  test("is read again by the first Mount after the refresh interval", async () => {
    await mount();
    vault.replies.set(kv.path, { body: secret("2") });
    await clock.advance(2 * minute);
    expect(await mount()).toEqual(["2"]);
    expect(vault.calls).toEqual(["login web", "GET secret/data/app", "GET secret/data/app"]);
  });

  test("asked for twice in one Mount is read once", async () => {
    await mount({ requests: [kv, { ...kv }] });
    expect(vault.calls).toEqual(["login web", "GET secret/data/app"]);
  });

  test("is shared by two volumes of one pod, and by no other owner key", async () => {
    await mount();
    await mount({ principal: { volumeKey: "/pods/uid-1/volumes/kubernetes.io~csi/other/mount" } });
    expect(vault.calls).toHaveLength(2);
    await mount({ principal: { ownerKey: "key-2" } });
    expect(vault.calls).toEqual(["login web", "GET secret/data/app", "login web", "GET secret/data/app"]);
  });

  test("is not shared by requests that differ in their arguments", async () => {
    const other = { ...issue, args: new Redacted('{"common_name":"b"}') };
    let certificates = 0;
    vault.replies.set(issue.path, () => ({ body: secret(`cert-${(certificates += 1)}`) }));
    const [a, b] = await mount({ requests: [issue, other] });
    expect(a).not.toBe(b);
  });

  test.each([
    ["denied", "other-2"],
    ["missing", "other-2"],
    ["deleted", "other-2"],
    ["destroyed", "other-2"],
    ["refused", "other-2"],
    ["outage", "other-1"],
    ["sealed", "other-1"],
    ["quota", "other-1"],
    ["engine", "other-1"],
    ["namespace", "other-1"],
    ["configuration", "other-1"],
    ["protocol", "other-1"],
  ] as const)(
    "is served on when a republish meets %s; the volume's others follow unless the failure may pass: %s",
    async (kind, beside) => {
      const other: VaultRequest = { ...kv, path: "secret/data/other" };
      vault.replies.set(other.path, { body: secret("other-1") });
      await mount({ requests: [kv, other] });
      vault.replies.set(kv.path, kind);
      vault.replies.set(other.path, { body: secret("other-2") });
      await clock.advance(3 * minute);
      expect(await mount({ requests: [kv, other] })).toEqual(["1", beside]);
      expect(staleServed).toEqual([kv.path]);
    },
  );

  test.each(["denied", "missing", "deleted", "destroyed"] as const)(
    "fails on %s where the class says onDenied: fail",
    async (kind) => {
      await mount();
      vault.replies.set(kv.path, kind);
      await clock.advance(3 * minute);
      await expect(mount({ onDenied: "fail" })).rejects.toThrow(kind);
    },
  );

  test.each([
    ["missing", "follows"],
    ["deleted", "follows"],
    ["denied", "stays"],
    ["sealed", "stays"],
  ] as const)("of an optional object, when Vault says %s: %s", async (kind, what) => {
    await mount();
    vault.replies.set(kv.path, kind);
    await clock.advance(3 * minute);
    if (what === "stays") expect(await mount({ optional: true })).toEqual(["1"]);
    else await expect(mount({ optional: true })).rejects.toThrow(kind);
  });

  test("is served through an outage even where the class says onDenied: fail", async () => {
    await mount();
    vault.replies.set(kv.path, "sealed");
    await clock.advance(3 * minute);
    expect(await mount({ onDenied: "fail" })).toEqual(["1"]);
  });

  test("has no hard end for the pod that holds it", async () => {
    await mount();
    vault.replies.set(kv.path, "outage");
    vault.failures.push(...Array.from({ length: 50 }, () => ({ verb: "login", kind: "outage" as const })));
    for (let hour = 0; hour < 30; hour += 1) {
      await clock.advance(60 * minute);
      expect(await mount()).toEqual(["1"]);
    }
  });
});

describe("failures", () => {
  test("a failed read without a held answer fails the Mount", async () => {
    vault.replies.set(kv.path, "sealed");
    await expect(mount()).rejects.toThrow("sealed");
  });

  test("a waiting pod's failed read is not retried within a second, by any Mount", async () => {
    vault.replies.set(kv.path, "outage");
    for (let attempt = 0; attempt < 5; attempt += 1) await expect(mount()).rejects.toThrow("outage");
    expect(vault.calls).toEqual(["login web", "GET secret/data/app"]);
    vault.replies.set(kv.path, { body: secret("1") });
    await clock.advance(1250);
    expect(await mount()).toEqual(["1"]);
  });

  test("a settled denial is answered from memory for a while", async () => {
    vault.replies.set(kv.path, "denied");
    await expect(mount()).rejects.toThrow("denied");
    await clock.advance(29_000);
    await expect(mount()).rejects.toThrow("denied");
    expect(vault.calls).toEqual(["login web", "GET secret/data/app", "lookup-self"]);
    await clock.advance(1_000);
    await expect(mount()).rejects.toThrow("denied");
    expect(vault.calls).toHaveLength(5);
  });

  test("refreshes during an outage grow rarer, up to five minutes", async () => {
    await mount();
    vault.replies.set(kv.path, "outage");
    for (let tries = 0; tries < 240; tries += 1) {
      await clock.advance(15_000);
      await mount();
    }
    const reads = vault.calls.filter((call) => call.startsWith("GET")).length;
    expect(reads).toBeGreaterThan(15);
    expect(reads).toBeLessThan(40);
  });

  test("one waiter's giving up does not fail the other", async () => {
    let open = () => {};
    vault.gate = new Promise((resolve) => (open = resolve));
    const impatient = new AbortController();
    const first = mount({ signal: impatient.signal });
    const second = mount();
    impatient.abort(new ProviderError("cancelled", "gave up"));
    await expect(first).rejects.toThrow("gave up");
    open();
    expect(await second).toEqual(["1"]);
    expect(vault.calls).toEqual(["login web", "GET secret/data/app"]);
  });
});

describe("volumes of one namespace that come at once", () => {
  const requests = Array.from({ length: 10 }, (_, n): VaultRequest => ({ method: "GET", path: `kv/${n}`, query: "" }));
  const logins = () => vault.calls.filter((call) => call.startsWith("login")).length;

  function crowd(namespace: string, from: number, to: number) {
    const pods = Array.from({ length: to - from }, (_, n) => `${namespace}-${from + n}`);
    const mounts = pods.map((name) => {
      const principal = { ownerKey: name, pod: { namespace, name, uid: name, serviceAccount: "web" } };
      return mount({ principal, requests });
    });
    return Promise.all(mounts);
  }

  beforeEach(() => {
    for (const { path } of requests) vault.replies.set(path, { body: secret("1") });
  });

  test("ask when their requests may soon be sent, and another's do not wait for them", async () => {
    let open = () => {};
    vault.gate = new Promise((resolve) => (open = resolve));
    const all = crowd("shop", 0, 8);
    await clock.advance(0);
    expect(logins()).toBe(2);
    const other = crowd("bank", 0, 1);
    await clock.advance(0);
    expect(logins()).toBe(3);
    open();
    expect(await all).toHaveLength(8);
    await other;
  });

  test("take what another volume of the pod was given meanwhile: a credential is made once", async () => {
    const many = Array.from({ length: 15 }, (_, n): VaultRequest => ({ method: "GET", path: `kv/${n}`, query: "" }));
    for (const { path } of many) vault.replies.set(path, { body: secret("1") });
    const asked = [creds, ...many];
    let open = () => {};
    vault.gate = new Promise((resolve) => (open = resolve));
    const volume = (name: string) => ({ volumeKey: `/pods/uid-1/volumes/kubernetes.io~csi/${name}/mount` });
    const both = ["one", "other"].map((name) => mount({ principal: volume(name), requests: asked }));
    await clock.advance(0);
    open();
    const [first, second] = await Promise.all(both);
    expect(second).toEqual(first);
    expect([...vault.calls].sort()).toEqual(["login web", ...asked.map(({ path }) => `GET ${path}`)].sort());
  });

  test("wait for none that hangs longer than a quarter of a second", async () => {
    vault.gate = new Promise(() => {});
    void crowd("shop", 0, 4);
    await clock.advance(249);
    expect(logins()).toBe(2);
    vault.gate = Promise.resolve();
    const later = crowd("shop", 4, 5);
    await clock.advance(250);
    expect(await later).toEqual([requests.map(() => "1")]);
  });
});

describe("a leased answer", () => {
  test("is cached until its end is in sight, then replaced by a Mount", async () => {
    const lease = { id: "lease-1", durationMs: 30 * minute, renewable: false };
    vault.replies.set(creds.path, { body: secret("login-1"), lease });
    expect(await mount({ requests: [creds] })).toEqual(["login-1"]);
    vault.replies.set(creds.path, { body: secret("login-2"), lease: { id: "lease-2", durationMs: 30 * minute } });
    await clock.advance(24 * minute - 1);
    expect(await mount({ requests: [creds] })).toEqual(["login-1"]);
    await clock.advance(1);
    expect(await mount({ requests: [creds] })).toEqual(["login-2"]);
  });

  test("lives no longer than the token that made it", async () => {
    vault.grants = [{ ttlMs: 15 * minute, renewable: false }];
    await mount({ requests: [creds] });
    await clock.advance(10 * minute);
    await mount({ requests: [creds] });
    expect(vault.calls.filter((call) => call === "GET database/creds/app")).toHaveLength(2);
  });

  test("is asked for once by two volumes that mount together", async () => {
    const volumeKey = "/pods/uid-1/volumes/kubernetes.io~csi/other/mount";
    await Promise.all([mount({ requests: [creds] }), mount({ requests: [creds], principal: { volumeKey } })]);
    expect(vault.calls).toEqual(["login web", "GET database/creds/app"]);
  });

  test("keeps its token alive when another token replaces it", async () => {
    vault.replies.set(creds.path, { body: secret("login-1"), lease: { id: "lease-1", durationMs: 600 * minute } });
    vault.grants = [{ ttlMs: 600 * minute, renewable: false }];
    await mount({ requests: [creds, kv] });
    await clock.advance(481 * minute);
    vault.replies.set(creds.path, "outage");
    await mount({ requests: [creds, kv] });
    expect(vault.calls.filter((call) => call === "login web")).toHaveLength(2);
    expect(vault.revoked).toEqual([]);
  });

  test("is replaced when Vault says its token is dead", async () => {
    await mount({ requests: [creds, kv] });
    const held = [...cache.entries()].map(({ answer }) => answer!.stored.token);
    vault.kill(held[0]!);
    vault.replies.set(creds.path, { body: secret("login-2"), lease: { id: "lease-2", durationMs: 30 * minute } });
    await clock.advance(3 * minute);
    await mount({ requests: [creds, kv] });
    expect(await mount({ requests: [creds, kv] })).toEqual(["login-2", "1"]);
  });

  test("past its end is served stale only to a volume that has it already, and the rest goes on", async () => {
    await mount({ requests: [creds, kv] });
    vault.replies.set(creds.path, "outage");
    vault.replies.set(kv.path, { body: secret("2") });
    await clock.advance(40 * minute);
    expect(await mount({ requests: [creds, kv] })).toEqual(["login-1", "2"]);
    const elsewhere = { volumeKey: "/pods/uid-1/volumes/kubernetes.io~csi/other/mount" };
    await expect(mount({ requests: [creds], principal: elsewhere })).rejects.toThrow("outage");
  });

  test("is refused where there is no pod volume, and revoked", async () => {
    await expect(mount({ requests: [creds], principal: { podVolume: false } })).rejects.toThrow("needs a pod volume");
    expect(vault.revoked).toEqual(["lease-1"]);
  });

  test.each([
    ["issued", issue, "cert-1"],
    ["leased, which a GET is not seen to be before it is answered", creds, "login-1"],
  ])("is not lost when its only waiter gives up: %s", async (_kind, request, value) => {
    await mount();
    let open = () => {};
    vault.gate = new Promise((resolve) => (open = resolve));
    const impatient = new AbortController();
    const first = mount({ requests: [request], signal: impatient.signal });
    await clock.advance(0);
    impatient.abort(new ProviderError("cancelled", "gave up"));
    await expect(first).rejects.toThrow("gave up");
    open();
    await clock.advance(0);
    expect(await mount({ requests: [request] })).toEqual([value]);
    expect(vault.calls.filter((call) => call.endsWith(request.path))).toHaveLength(1);
  });

  test("that there is no room for is refused before it is created", async () => {
    start({ volumes: 100, bytes: 5 * one });
    vault.replies.set(issue.path, { body: secret("cert-1") });
    await mount({ requests: [issue] });
    const another = { ...issue, path: "pki/issue/other" };
    await expect(mount({ requests: [issue, another] })).rejects.toThrow(/limits\.bytes/);
    expect(vault.calls.filter((call) => call.startsWith("POST"))).toHaveLength(1);
  });
});

describe("an answer that its reader cannot use", () => {
  const useless = async (request: VaultRequest) => {
    const transaction = source.begin(samplePrincipal());
    await readRequests(transaction, [request]);
    transaction.previous(request);
  };

  test("is not replaced by its predecessor without room for both: the error names what is wrong with the answer", async () => {
    start({ inFlightBytes: 8 * one }); // A namespace's share is half of it.
    vault.replies.set(kv.path, { body: secret("1") });
    await mount();
    vault.replies.set(kv.path, { body: secret("2") });
    await clock.advance(3 * minute);
    const transaction = source.begin(samplePrincipal());
    await readRequests(transaction, [kv]);
    const release = transaction.lend(3 * one);
    expect(transaction.previous(kv)).toBeUndefined();
    release();
    expect(transaction.previous(kv)?.reveal()).toEqual(secret("1"));
    transaction.end();
  });

  test("is read again by the next Mount, whatever its age, and cached from then on", async () => {
    await useless(kv);
    vault.replies.set(kv.path, { body: secret("2") });
    expect(await mount()).toEqual(["2"]);
    await mount();
    expect(vault.calls.filter((call) => call === "GET secret/data/app")).toHaveLength(2);
  });

  test("is not re-issued when it is a credential: another would be of the same kind", async () => {
    for (const request of [creds, issue]) {
      await useless(request);
      await mount({ requests: [request] });
    }
    expect(vault.calls).toEqual(["login web", "GET database/creds/app", "POST pki/issue/web"]);
  });
});

describe("an issued answer", () => {
  test("without an end is held as long as its volume", async () => {
    await mount({ requests: [issue] });
    await clock.advance(20 * 60 * minute);
    await mount({ requests: [issue] });
    expect(vault.calls.filter((call) => call.startsWith("POST"))).toHaveLength(1);
  });

  test("with an end is replaced at two thirds of its life", async () => {
    const notAfter = String((clock.wall() + 30 * minute) / 1000);
    const certificate = { certificate: "pem", expiration: new LosslessNumber(notAfter), value: "cert-1" };
    vault.replies.set(issue.path, { body: { data: certificate } });
    await mount({ requests: [issue] });
    await clock.advance(20 * minute - 1);
    await mount({ requests: [issue] });
    expect(vault.calls.filter((call) => call.startsWith("POST"))).toHaveLength(1);
    await clock.advance(1);
    await mount({ requests: [issue] });
    expect(vault.calls.filter((call) => call.startsWith("POST"))).toHaveLength(2);
  });

  test("is released when the class stops asking for it", async () => {
    await mount({ requests: [issue, kv] });
    await mount({ requests: [kv] });
    expect(cache.totals().answers).toEqual({ static: 1, leased: 0, issued: 0 });
  });

  test("of a Mount that failed as a whole is there for the next", async () => {
    const broken: VaultRequest = { ...kv, path: "secret/data/broken" };
    await expect(mount({ requests: [issue, broken] })).rejects.toThrow("missing");
    vault.replies.set(broken.path, { body: secret("fixed") });
    await clock.advance(2_000);
    expect(await mount({ requests: [issue, broken] })).toEqual(["cert-1", "fixed"]);
    expect(vault.calls.filter((call) => call.startsWith("POST"))).toHaveLength(1);
  });
});

describe("memory", () => {
  test("pushes out the oldest static answers of the namespace that holds most", async () => {
    start({ volumes: 100, bytes: 3 * one });
    vault.replies.set(kv.path, { body: secret("1") });
    const crowd = (n: number) => ({ ownerKey: `crowd-${n}`, pod: { ...samplePrincipal().pod, namespace: "crowd" } });
    await mount({ principal: crowd(1) });
    await mount({ principal: crowd(2) });
    await mount();
    await mount({ principal: { ownerKey: "key-2" } });
    const held = [...cache.entries()].filter(({ answer }) => answer).map(({ ownerKey }) => ownerKey);
    expect(held).toEqual(["crowd-2", "key-1", "key-2"]);
  });

  test("evicts the oldest idle volume of a full cache for a new one, and revokes the token that is not needed any more", async () => {
    start({ volumes: 2, bytes: 100 * one });
    vault.replies.set(kv.path, { body: secret("1") });
    for (const ownerKey of ["a", "b", "c"]) await mount({ principal: { ownerKey } });
    expect([...cache.volumes()].map(({ ownerKey }) => ownerKey)).toEqual(["b", "c"]);
    tokens.revokeLeaving();
    await clock.advance(0);
    expect(vault.revoked).toEqual(["accessor-1"]);
  });

  test("never evicts a live credential", async () => {
    start({ volumes: 2, bytes: 100 * one });
    vault.replies.set(kv.path, { body: secret("1") });
    vault.replies.set(creds.path, { body: secret("1"), lease: { id: "l", durationMs: 60 * minute } });
    await mount({ requests: [creds], principal: { ownerKey: "a" } });
    for (const ownerKey of ["b", "c"]) await mount({ principal: { ownerKey } });
    expect([...cache.volumes()].map(({ ownerKey }) => ownerKey)).toEqual(["a", "c"]);
  });

  /** A full book: while Vault is slow, one volume waits for what `request` makes and others want its place. */
  async function rivalry(request: VaultRequest) {
    start({ volumes: 2, bytes: 100 * one });
    vault.replies.set(kv.path, { body: secret("1") });
    vault.replies.set(issue.path, { body: secret("cert-1") });
    vault.replies.set(creds.path, { body: secret("login-1"), lease: { id: "lease-1", durationMs: 30 * minute } });
    let open = () => {};
    vault.gate = new Promise((resolve) => (open = resolve));
    const first = mount({ requests: [request] }).catch(String);
    await clock.advance(0);
    const newcomers = ["second", "third"].map((ownerKey) => mount({ principal: { ownerKey } }).catch(String));
    await clock.advance(0);
    open();
    return { first: await first, newcomers: await Promise.all(newcomers) };
  }

  test("never evicts a volume whose credential is being created", async () => {
    const { first, newcomers } = await rivalry(issue);
    expect(first).toEqual(["cert-1"]);
    expect(newcomers).toEqual([["1"], ["1"]]);
    expect(await mount({ requests: [issue] })).toEqual(["cert-1"]);
    expect(vault.calls.filter((call) => call.startsWith("POST"))).toHaveLength(1);
  });

  test("delivers no credential whose volume was evicted: a GET's is refused and revoked", async () => {
    const { first, newcomers } = await rivalry(creds);
    expect(first).toMatch(/no longer served/);
    expect(newcomers).toEqual([["1"], ["1"]]);
    expect(vault.revoked).toContain("lease-1");
  });

  test("evicts a volume that only reads, and both are served", async () => {
    expect(await rivalry(kv)).toEqual({ first: ["1"], newcomers: [["1"], ["1"]] });
  });

  test("evicts a volume whose first read failed", async () => {
    start({ volumes: 1, bytes: 100 * one });
    vault.replies.set(kv.path, "outage");
    await expect(mount()).rejects.toThrow("outage");
    vault.replies.set(kv.path, { body: secret("1") });
    expect(await mount({ principal: { ownerKey: "newcomer" } })).toEqual(["1"]);
  });

  test("forgets a volume that has been silent for a day", async () => {
    vault.grants = [{ ttlMs: 48 * 60 * minute }];
    await mount();
    await clock.advance(24 * 60 * minute);
    cache.sweep(clock.monotonic());
    expect(cache.totals()).toEqual({ volumes: 0, bytes: 0, answers: { static: 0, leased: 0, issued: 0 } });
    tokens.revokeLeaving();
    await clock.advance(0);
    expect(vault.revoked).toEqual(["accessor-1"]);
  });
});
