import { beforeEach, describe, expect, test } from "vitest";
import type { Connection } from "../config/connection.js";
import type { VaultRequest } from "../mount/mount-spec.js";
import type { Fetch, Principal } from "../mount/ports.js";
import { ProviderError } from "../shared/errors.js";
import type { JsonObject } from "../shared/json.js";
import { Redacted } from "../shared/redacted.js";
import { sampleConnection } from "../../dev/testing/connection.js";
import { CountingVault, samplePrincipal } from "../../dev/testing/counting-vault.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { openState } from "../../dev/testing/open-state.js";
import { RecordsInMemory } from "../../dev/testing/records-in-memory.js";
import { sampleLimits, testCredentials } from "../../dev/testing/test-credentials.js";
import type { StoredToken } from "../vault/stored-token.js";
import { endOf } from "../vault/term.js";
import { endsAt } from "./cached-secret.js";
import type { Credentials } from "./credentials.js";
import { readRequests } from "../../dev/testing/read-requests.js";

const minute = 60_000;
const hour = 60 * minute;
const never = new AbortController().signal;
const kv: VaultRequest = { method: "GET", path: "secret/data/app", query: "" };
const creds: VaultRequest = { method: "GET", path: "database/creds/app", query: "" };
const issue: VaultRequest = { method: "POST", path: "pki/issue/web", query: "", args: new Redacted('{"a":1}') };
const crl: VaultRequest = { method: "GET", path: "pki/crl", query: "" };
const connection = sampleConnection();

let clock: FakeClock;
let vault: CountingVault;
let store: RecordsInMemory;
let credentials: Credentials;
let told: string[];
/** Of the process that waits for it. */
let hasLock: boolean;

beforeEach(() => {
  hasLock = false;
  clock = new FakeClock();
  vault = new CountingVault(clock);
  store = new RecordsInMemory();
  told = [];
  const lease = { id: "lease-1", durationMs: hour };
  vault.replies.set(kv.path, { body: { data: { value: "1" } } });
  vault.replies.set(creds.path, { body: { data: { value: "login-1" }, mount_type: "database" }, lease });
  vault.replies.set(issue.path, { body: { data: { value: "cert-1" } } });
  start();
});

/** A process on the same node, after an earlier one. */
function start(connections: readonly Connection[] = [connection], bytes = 64 << 20): void {
  credentials = testCredentials({
    client: vault,
    clock,
    limits: sampleLimits({ bytes }),
    emit: (event) => {
      if (event.kind === "credentialLost") told.push(`perhaps lost: ${event.entry.request.path}`);
      if (event.kind === "ownerNotRestored") told.push(event.because);
      if (event.kind === "ownerNotPersisted") told.push(`not kept: ${event.error.message}`);
    },
  });
  openState(credentials.state, store, store.all(), connections);
  vault.calls.length = 0;
}

async function mount(requests: VaultRequest[], principal: Partial<Principal> = {}): Promise<string[]> {
  const transaction = credentials.source.begin(samplePrincipal({ connection, ...principal }));
  const delivered = await readRequests(transaction, requests);
  const values = delivered.map(({ body }) => valueIn(body.reveal()));
  transaction.commit(values.map((value) => value.slice(0, 20)).join()); // Short, as a digest.
  await credentials.journal.settled();
  return values;
}

function valueIn(body: JsonObject | Buffer | null): string {
  return Buffer.isBuffer(body) ? body.toString("hex") : (body as { data: { value: string } }).data.value;
}

describe("after a restart", () => {
  test("a volume with a credential is served as before, without asking Vault", async () => {
    const before = await mount([creds, issue, kv]);
    start();
    expect(await mount([creds, issue, kv])).toEqual(before);
    expect(vault.calls).toEqual([]);
  });

  test("a raw answer beside a credential is the same bytes", async () => {
    vault.replies.set(crl.path, { body: Buffer.from([0x30, 0x00, 0xff, 0x22]) });
    const before = await mount([creds, crl]);
    start();
    expect(await mount([creds, crl])).toEqual(before);
    expect([before[1], vault.calls]).toEqual(["3000ff22", []]);
  });

  test("a volume with more static secrets than a record may have keeps its credential, and reads the static ones again", async () => {
    vault.replies.set(kv.path, { body: { data: { value: "x".repeat(512 << 10) } } });
    const before = await mount([creds, kv]);
    expect(recordSizes()[0]).toBeLessThan(3_000);
    start();
    expect(await mount([creds, kv])).toEqual(before);
    expect(vault.calls).toEqual(["GET secret/data/app"]);
  });

  test("until those can be read again they are not delivered, nor any that an attempt has read before", async () => {
    const [x, y]: VaultRequest[] = [kv, { ...kv, path: "secret/data/other" }];
    const large = (version: number) => ({ body: { data: { value: `${version}`.repeat(300 << 10) } } });
    for (const { path } of [x!, y!]) vault.replies.set(path, large(1));
    await mount([creds, x!, y!]);
    start();
    vault.replies.set(y!.path, "outage");
    await expect(mount([creds, x!, y!])).rejects.toThrow("outage");
    vault.replies.set(x!.path, "outage").set(y!.path, large(2));
    await clock.advance(10 * minute);
    await expect(mount([creds, x!, y!])).rejects.toThrow("outage");
  });

  describe("the first read falls between the writes of two secrets", () => {
    const [x, y]: [VaultRequest, VaultRequest] = [kv, { ...kv, path: "secret/data/other" }];
    const write = (one: string, other: string) => {
      vault.replies.set(x.path, { body: { data: { value: one } } }).set(y.path, { body: { data: { value: other } } });
    };
    /** A Mount of both, and what it settles on; `then` happens after its first reads. */
    const mountBoth = async (then: () => void) => {
      const transaction = credentials.source.begin(samplePrincipal({ connection }));
      const fetches = [x, y].map((request): Fetch => ({ request, options: { refreshIntervalMs: 2 * minute } }));
      const values = async () =>
        [...(await transaction.read(fetches, "keep", never)).values()].map((answer) =>
          "body" in answer ? valueIn(answer.body.reveal()) : answer.error.message,
        );
      const first = await values();
      then();
      const settling = transaction.settle(first.join(), never);
      settling.catch(() => undefined);
      for (let pauses = 0; pauses < 3; pauses += 1) await clock.advance(200);
      return (await settling) ? values() : first;
    };
    beforeEach(async () => {
      write("1", "1");
      await mount([x, y]);
      start();
    });

    test.each<[string, () => void]>([
      ["a process that has restored what was delivered", () => undefined],
      ["one that waits for the lock", () => void (credentials = waiting())],
    ])("%s reads both again before they are delivered", async (_which, before) => {
      before();
      write("2", "1");
      expect(await mountBoth(() => write("2", "2"))).toEqual(["2", "2"]);
      expect(vault.calls.filter((call) => call.startsWith("GET"))).toHaveLength(6);
    });

    test("so does one that has taken the lock after a Mount of its own failed", async () => {
      credentials = waiting();
      vault.replies.set(y.path, "outage");
      await expect(mount([x, y])).rejects.toThrow("outage");
      await takeUp();
      await clock.advance(10 * minute);
      vault.calls.length = 0;
      write("2", "1");
      expect(await mountBoth(() => write("2", "2"))).toEqual(["2", "2"]);
    });

    test("one that cannot be read again is an error, so that the files stay as they are", async () => {
      write("2", "1");
      expect(await mountBoth(() => vault.replies.set(y.path, "outage"))).toEqual(["2", "outage at secret/data/other"]);
    });

    test("what is as it was is read once", async () => {
      expect(await mountBoth(() => undefined)).toEqual(["1", "1"]);
      expect(vault.calls).toHaveLength(2);
    });
  });

  test("a volume that only reads keeps its token, and reads again", async () => {
    await mount([kv]);
    start();
    await mount([kv]);
    expect(vault.calls).toEqual(["GET secret/data/app"]);
  });

  test("unchanged files are recognised as unchanged", async () => {
    await mount([creds]);
    start();
    const transaction = credentials.source.begin(samplePrincipal({ connection }));
    await readRequests(transaction, [creds]);
    expect(transaction.commit("login-1")).toEqual({ unchanged: true });
  });

  test.each([
    [{ exp: Date.parse("2026-01-01T01:00:00Z") / 1000 }, hour],
    [{}, undefined],
  ])("a token keeps the end of its service account token: %j", async (claims, endsAt) => {
    const jwt = new Redacted(`e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.x`);
    await mount([creds], { jwt });
    start();
    const [{ serviceToken }] = [...credentials.tokens.current()] as [StoredToken];
    expect(serviceToken && endOf(serviceToken)).toBe(endsAt);
  });

  test("renewals go on where they stood, spread over a minute where they are overdue", async () => {
    await mount([creds]);
    await clock.advance(50 * minute);
    start();
    credentials.renewalLoop.tick(never);
    await credentials.renewalLoop.settled();
    expect(vault.calls).toEqual([]);
    await clock.advance(minute);
    credentials.renewalLoop.tick(never);
    await credentials.renewalLoop.settled();
    expect(vault.calls.sort()).toEqual(["renew lease-1 3600s", "renew-self 3600s"]);
  });

  test("what has ended meanwhile is not used any more, and is served stale until it is replaced", async () => {
    await mount([creds]);
    await clock.advance(2 * hour);
    start();
    vault.replies.set(creds.path, "outage");
    expect(await mount([creds])).toEqual(["login-1"]);
    expect(vault.calls).toEqual(["login web", "GET database/creds/app"]);
  });

  test("a pod that went meanwhile has its token revoked when that is known", async () => {
    await mount([creds]);
    start();
    credentials.cache.forgetPod("uid-1");
    credentials.tokens.revokeLeaving();
    await clock.advance(0);
    expect(vault.revoked).toEqual(["accessor-1"]);
    await credentials.journal.settled();
    expect(store.all()).toEqual([]);
  });

  test("what could not be revoked is revoked then", async () => {
    await mount([creds]);
    vault.failures.push({ verb: "revoke", kind: "sealed" });
    credentials.cache.forgetPod("uid-1");
    credentials.tokens.revokeLeaving();
    await clock.advance(0);
    await credentials.journal.settled();
    start();
    expect(credentials.tokens.size).toBe(0);
    credentials.tokens.revokeLeaving();
    await clock.advance(0);
    await credentials.journal.settled();
    expect(vault.revoked).toEqual(["accessor-1"]);
    expect(store.all()).toEqual([]);
  });

  test("a connection whose address has changed does not get the earlier tokens", async () => {
    await mount([creds]);
    start([sampleConnection({ addresses: [{ origin: "https://elsewhere:8200" }] })]);
    expect(told).toEqual([
      expect.stringMatching(/^the connection \w+ is not configured any more, or with other addresses$/),
    ]);
    await mount([creds]);
    expect(vault.calls).toEqual(["login web", "GET database/creds/app"]);
  });

  test("a record of another format is left alone", async () => {
    await store.write("x", new Redacted(Buffer.from('{"ownerKey":1}')));
    await store.write("y", new Redacted(Buffer.from("{")));
    start();
    expect(told).toEqual(Array(2).fill("its record is not one of this version of keymount"));
  });

  test("what was being created when the process ended is reported", async () => {
    await mount([issue]);
    vault.gate = new Promise(() => {});
    const other = { ...issue, path: "pki/issue/other" };
    void mount([issue, other]).catch(() => undefined);
    await clock.advance(0);
    await credentials.journal.settled();
    vault.gate = Promise.resolve();
    start();
    expect(told).toEqual(["perhaps lost: pki/issue/other"]);
  });

  test("what Vault has refused to create is not", async () => {
    const other = { ...issue, path: "pki/issue/other" };
    vault.replies.set(other.path, "denied");
    await expect(mount([creds, other])).rejects.toThrow("denied");
    await credentials.journal.settled();
    start();
    expect(told).toEqual([]);
  });
});

test("a token is persisted before anything is created with it, and what is created before it is delivered", async () => {
  const order: string[] = [];
  store.written = () => order.push("kept");
  const request = vault.request.bind(vault);
  vault.request = async (...args) => {
    order.push("asked");
    return request(...args);
  };
  const transaction = credentials.source.begin(samplePrincipal({ connection }));
  await readRequests(transaction, [creds]);
  order.push("given");
  expect(order).toEqual(["kept", "asked", "kept", "given"]);
});

const recordSizes = () => store.all().map(({ payload }) => payload.reveal().length);
const ofPod = (n: number, namespace = "shop"): Partial<Principal> => {
  const [name, uid] = [`web-${n}`, `uid-${namespace}-${n}`];
  const pod = { namespace, name, uid, serviceAccount: "web" };
  return { ownerKey: `${namespace}/${n}`, volumeKey: `/pods/${uid}/volumes/kubernetes.io~csi/secrets/mount`, pod };
};

test.each(["x", "<", "&", "\u2028"])(
  "a static secret of %j takes no more of a record than of memory",
  async (character) => {
    const value = character.repeat(100_000);
    vault.replies.set(kv.path, { body: { data: { value } } });
    await mount([creds, kv]);
    expect(recordSizes()[0]! - Buffer.byteLength(value)).toBeLessThan(3_000);
    start();
    expect(await mount([creds, kv])).toEqual(["login-1", value]);
    expect(vault.calls).toEqual([]);
  },
);

test("static secrets beside credentials take so much of the state directory, and one namespace half of it", async () => {
  vault.replies.set(kv.path, { body: { data: { value: "\u0001".repeat(70_000) } } }); // 490 KB of a record.
  const written = async (namespace: string) => {
    const before = recordSizes().reduce((sum, size) => sum + size, 0);
    for (let n = 0; n < 20; n += 1) await mount([creds, kv], ofPod(n, namespace));
    return (recordSizes().reduce((sum, size) => sum + size, 0) - before) / 2 ** 20;
  };
  start([connection], 16 << 20);
  expect(await written("crowd")).toBeCloseTo(1.9, 0);
  expect(await written("shop")).toBeCloseTo(1, 0);
  credentials.cache.forgetPod("uid-shop-0");
  for (let n = 0; n < 20; n += 1) credentials.cache.forgetPod(`uid-crowd-${n}`);
  await Promise.all(store.all().map(({ name }) => credentials.journal.persist(name)));
  for (let n = 1; n < 20; n += 1) await credentials.journal.persist(`shop/${n}`);
  expect(recordSizes().filter((size) => size > 400_000)).toHaveLength(4); // What others have given back.
});

test.each(["", "after a restart"])(
  "a pod that goes after its token has ended leaves no record %s",
  async (restarted) => {
    vault.grants = [{ ttlMs: hour, renewable: false }];
    await mount([issue, kv]);
    if (restarted) start();
    await clock.advance(2 * hour);
    credentials.tokens.sweep();
    credentials.cache.forgetPod(samplePrincipal().pod.uid);
    credentials.state.sweep();
    await credentials.journal.settled();
    expect(store.all()).toEqual([]);
  },
);

test("what is restored is written again one record after another", async () => {
  for (let n = 0; n < 5; n += 1) await mount([creds], ofPod(n));
  const write = store.write.bind(store);
  const under: number[] = [];
  let underWay = 0;
  store.write = async (...args) => {
    under.push((underWay += 1));
    await clock.sleep(10, never);
    await write(...args);
    underWay -= 1;
  };
  start();
  await clock.during(credentials.state.settled());
  expect(under).toEqual([1, 1, 1, 1, 1]);
});

test("a republish with nothing new writes nothing, but for the first, which shows that there are republishes", async () => {
  await mount([creds, kv]);
  let writes = 0;
  store.written = () => (writes += 1);
  for (const expected of [1, 1, 1]) {
    await mount([creds, kv]);
    expect(writes).toBe(expected);
  }
});

test("a full disk is reported, and Mounts are served nevertheless", async () => {
  store.refusal = new ProviderError("internal", "no space");
  expect(await mount([creds])).toEqual(["login-1"]);
  expect(told).toContain("not kept: no space");
});

test("what a full disk has refused is written once there is room, though nothing changes: a restart keeps it", async () => {
  store.refusal = new ProviderError("internal", "no space");
  const before = await mount([creds]);
  store.refusal = undefined;
  await mount([creds]);
  credentials.journal.retry();
  await credentials.settled();
  start();
  expect(await mount([creds])).toEqual(before);
  expect(vault.calls).toEqual([]);
});

test("a record shows no secret by itself", async () => {
  await mount([creds]);
  expect(JSON.stringify(store.all())).not.toMatch(/login-1|token-1|lease-1/);
});

test("opened late, it persists what is held by then and restores the earlier records", async () => {
  await mount([creds]);
  const left = store.all();
  const later = testCredentials({ client: vault, clock });
  credentials = later;
  vault.calls.length = 0;
  await mount([kv]);
  store = new RecordsInMemory();
  openState(later.state, store, left, [connection]);
  expect(await mount([creds, kv])).toEqual(["login-1", "1"]);
  expect(vault.calls).toEqual(["login web", "GET secret/data/app", "revoke-self"]);
  expect(vault.revoked).toEqual(["accessor-2"]); // The login from before the take-over: nothing hangs on it.
  expect(store.all()).toHaveLength(1);
});

/** A process that waits for the lock of another, and serves what is static meanwhile. */
function waiting(): Credentials {
  const refused = new ProviderError("unavailable", "another keymount holds the credentials");
  return testCredentials({
    client: vault,
    clock,
    emit: (event) => event.kind === "ownerNotRestored" && told.push(event.because),
    credentialsRefused: () => (hasLock ? undefined : refused),
  });
}

async function takeUp(records = store.all()): Promise<void> {
  hasLock = true;
  openState(credentials.state, store, records, [connection]);
  await credentials.journal.settled();
  await clock.advance(0);
}

describe("restored into a process that already holds something", () => {
  const accessors = () => credentials.tokens.all().map(({ token, state }) => `${token.accessor} ${state}`);

  const another = "/pods/uid-1/volumes/kubernetes.io~csi/others/mount";
  test.each<[string, boolean, Partial<Principal>]>([
    ["has logged in before it got the lock", true, {}],
    ["is logging in when it gets the lock", false, { volumeKey: another }],
  ])("a token on which leases hang is renewed on, though the process %s", async (_when, before, principal) => {
    await mount([creds, kv]);
    credentials = waiting();
    let answer = () => {};
    vault.gate = new Promise((resolve) => (answer = resolve));
    const mounting = mount([kv], principal);
    await clock.advance(0);
    if (before) answer();
    if (before) await mounting;
    await takeUp();
    answer();
    await mounting;
    await clock.advance(0);
    expect(accessors()).toEqual(["accessor-1 current"]);
    expect(vault.revoked).toEqual(["accessor-2"]);
    vault.calls.length = 0;
    for (let minutes = 0; minutes < 180; minutes += 1) {
      await clock.advance(minute);
      credentials.renewalLoop.tick(never);
      await credentials.renewalLoop.settled();
      expect(await mount([creds])).toEqual(["login-1"]);
    }
    expect(vault.calls.filter((call) => !call.startsWith("renew"))).toEqual([]);
  });

  test("a lock lost and taken again, any number of times, duplicates no token, and renewals extend what is delivered", async () => {
    await mount([creds, kv]);
    for (let times = 0; times < 3; times += 1) {
      credentials.state.close();
      await takeUp();
    }
    expect(accessors()).toEqual(["accessor-1 current"]);
    await clock.advance(45 * minute);
    credentials.renewalLoop.tick(never);
    await credentials.renewalLoop.settled();
    const [answer] = [...credentials.cache.entries()].flatMap(({ answer: held }) => (held?.lease ? [held] : []));
    expect(endsAt(answer!)).toBe(105 * minute);
  });

  test("a volume that was republished before is silent after a day, though this process has mounted it once", async () => {
    await mount([creds, kv]);
    await mount([creds, kv]);
    credentials = waiting();
    await mount([kv]);
    await takeUp();
    expect(credentials.cache.isInUse("key-1", clock.monotonic() + 25 * hour)).toBe(false);
  });

  test("a volume that was mounted once stays in use, however often the lock is lost and taken again", async () => {
    await mount([creds]);
    for (let times = 0; times < 3; times += 1) {
      credentials.state.close();
      await takeUp();
    }
    expect(credentials.cache.isInUse("key-1", clock.monotonic() + 25 * hour)).toBe(true);
  });

  test("what another process replaced meanwhile is delivered from then on", async () => {
    await mount([creds]);
    const first = credentials;
    first.state.close();
    credentials = waiting();
    await takeUp();
    await clock.advance(50 * minute);
    const lease = { id: "lease-2", durationMs: hour };
    vault.replies.set(creds.path, { body: { data: { value: "login-2" }, mount_type: "database" }, lease });
    expect(await mount([creds])).toEqual(["login-2"]);
    credentials = first;
    await takeUp();
    vault.calls.length = 0;
    expect(await mount([creds])).toEqual(["login-2"]);
    expect(vault.calls).toEqual([]);
  });

  test("a record without volumes leaves the volumes of the same key alone, and the token they use", async () => {
    await mount([kv]);
    vault.failures.push({ verb: "revoke", kind: "sealed" });
    credentials.cache.forgetPod("uid-1");
    credentials.tokens.revokeLeaving();
    await clock.advance(0);
    await credentials.journal.settled();
    credentials = waiting();
    await mount([kv]);
    await takeUp();
    expect(accessors().sort()).toEqual(["accessor-1 leaving", "accessor-2 current"]);
    credentials.tokens.revokeLeaving();
    await clock.advance(0);
    expect(vault.revoked).toEqual(["accessor-1"]);
    expect(await mount([kv])).toEqual(["1"]);
  });

  test("a GET that created a credential before is known to do so", async () => {
    await mount([creds]);
    start();
    vault.calls.length = 0;
    const controller = { podVolume: false, volumeKey: "digest", ownerKey: "key-2" };
    await expect(mount([creds], controller)).rejects.toThrow("needs a pod volume");
    expect(vault.calls).toEqual([]);
  });
});

describe("a record that cannot be restored", () => {
  test.each([
    ["no JSON", () => "{"],
    ["of another make", () => '{"ownerKey":1}'],
    ["with an answer that is none", (text: string) => text.replace(/"body":"/, '"body":"[')],
    ["of a connection that is not configured", (text: string) => text.replace(/"name":"[^"]+"/, '"name":"gone"')],
  ])("is reported and abandoned, and the others are restored: %s", async (_what, change) => {
    await mount([creds]);
    await mount([creds], { ownerKey: "key-2", volumeKey: "/pods/uid-2/volumes/kubernetes.io~csi/secrets/mount" });
    const [one, other] = store.all();
    const changed = new Redacted(Buffer.from(change(one!.payload.reveal().toString())));
    credentials = waiting();
    await takeUp([{ name: "broken", payload: changed }, other!]);
    expect(store.abandoned).toEqual(["broken"]);
    expect(told).toHaveLength(1);
    expect([...credentials.cache.volumes()].map(({ ownerKey }) => ownerKey)).toEqual(["key-2"]);
  });
});

/** The time since boot may be told by another clock after a restart (lxcfs); then nothing is known of when anything ends. */
test("times in the future are not trusted: what they belong to is delivered, renewed and replaced at once", async () => {
  await clock.advance(100 * hour);
  await mount([creds, issue, kv]);
  const records = store.all();
  clock = new FakeClock();
  vault = new CountingVault(clock);
  const lease = { id: "lease-2", durationMs: hour };
  vault.replies.set(kv.path, { body: { data: { value: "2" } } });
  vault.replies.set(creds.path, { body: { data: { value: "login-2" }, mount_type: "database" }, lease });
  vault.replies.set(issue.path, { body: { data: { value: "cert-2" } } });
  await clock.advance(minute);
  credentials = waiting();
  await takeUp(records);
  const now = clock.monotonic();
  for (const { term } of credentials.tokens.all()) expect(term.grantedAt).toBeLessThanOrEqual(now);
  for (const { answer } of credentials.cache.entries()) {
    expect(answer!.readAt).toBeLessThanOrEqual(now);
    expect(answer!.term?.grantedAt ?? 0).toBeLessThanOrEqual(now);
    expect(endsAt(answer!)).toBeGreaterThan(now);
  }
  expect(await mount([creds, kv])).toEqual(["login-2", "2"]);
});

test("a stop waits for what is being created, and writes it", async () => {
  let finish = () => {};
  vault.gate = new Promise((resolve) => (finish = resolve));
  const impatient = new AbortController();
  const transaction = credentials.source.begin(samplePrincipal({ connection }));
  const answering = readRequests(transaction, [issue], {}, impatient.signal);
  await clock.advance(0);
  impatient.abort(new ProviderError("unavailable", "keymount is stopping"));
  await expect(answering).rejects.toThrow("stopping");
  const settled = credentials.settled();
  finish();
  await settled;
  start();
  vault.replies.set(issue.path, { body: { data: { value: "cert-2" } } });
  expect(await mount([issue])).toEqual(["cert-1"]);
  expect(vault.calls).toEqual([]);
});

/**
 * A process killed right after any of its writes: the next one finds the store as it was then. What was made and had not
 * been written is lost, and nothing else: one login where it was killed before the login was written, one credential
 * where it was killed before that was.
 */
test("killed at every write, a process loses at most the one login or credential it had not written", async () => {
  const kinds = ["logins", "users", "certificates"] as const;
  const snapshots: { records: RecordsInMemory; made: Record<(typeof kinds)[number], number> }[] = [];
  const count = (verb: string) => vault.calls.filter((call) => call.startsWith(verb)).length;
  const made = () => ({ logins: count("login"), users: count("GET database"), certificates: count("POST pki") });
  const snapshot = () => snapshots.push({ records: store.copy(), made: made() });
  snapshot();
  store.written = snapshot;
  await mount([creds, kv]);
  await mount([creds, issue, kv]);
  await mount([creds, issue, kv]);
  const whole = made();
  expect(whole).toEqual({ logins: 1, users: 1, certificates: 1 });
  expect(snapshots.length).toBeGreaterThan(4);
  for (const { records, made: before } of snapshots) {
    store = records;
    start();
    await mount([creds, issue, kv]);
    const after = made();
    const twice = kinds.filter((kind) => before[kind] + after[kind] > 1);
    expect(twice.length, `made twice after ${JSON.stringify(before)}: ${twice.join()}`).toBeLessThanOrEqual(1);
    for (const kind of kinds) expect(before[kind] + after[kind]).toBeLessThanOrEqual(2);
  }
});
