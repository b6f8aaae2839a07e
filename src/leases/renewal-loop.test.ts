import { beforeEach, describe, expect, test } from "vitest";
import type { VaultRequest } from "../mount/mount-spec.js";
import type { Principal } from "../mount/ports.js";
import { CountingVault, samplePrincipal } from "../../dev/testing/counting-vault.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { openState } from "../../dev/testing/open-state.js";
import { RecordsInMemory } from "../../dev/testing/records-in-memory.js";
import { sampleConnection } from "../../dev/testing/connection.js";
import { testCredentials } from "../../dev/testing/test-credentials.js";
import { endOf } from "../vault/term.js";
import { codeOfKind, VaultError, type VaultErrorKind } from "../vault/vault-error.js";
import { endsAt } from "./cached-secret.js";
import type { Credentials, CredentialsParts } from "./credentials.js";
import { readRequests } from "../../dev/testing/read-requests.js";

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const never = new AbortController().signal;
const creds: VaultRequest = { method: "GET", path: "database/creds/app", query: "" };

let clock: FakeClock;
let vault: CountingVault;
let credentials: Credentials;
let told: string[];
let living: Set<string>;

beforeEach(() => {
  clock = new FakeClock();
  vault = new CountingVault(clock);
  told = [];
  living = new Set(["uid-1"]);
  start();
  grantLease("login-1", hour);
});

function start(): void {
  credentials = testCredentials({
    client: vault,
    clock,
    lives: (uid) => living.has(uid),
    emit: (event) => {
      const line = lineOf(event);
      if (line !== undefined) told.push(line);
    },
  });
}

/** The outcome of a renewal, at the time of its event. */
function lineOf(event: Parameters<CredentialsParts["emit"]>[0]): string | undefined {
  switch (event.kind) {
    case "leaseGone":
      return "lease gone";
    case "tokenDied":
      return "token died";
    case "endsUnreplaced":
      return `ends in ${Math.round(event.leftMs / minute)}m`;
    case "leaseNotRenewed":
      return event.answer.term?.renewable ? "lease: later" : "lease: never again";
    case "tokenNotRenewed":
      return event.stored.term.renewable ? "token: later" : "token: never again";
    case "leaseRenewed":
      return event.answer.term?.renewable ? "lease renewed" : "lease: last renewal";
    case "tokenRenewed":
      return event.stored.term.renewable ? "token renewed" : "token: last renewal";
    default:
      return undefined;
  }
}

function grantLease(value: string, durationMs: number, renewable = true): void {
  const body = { data: { value }, mount_type: "database" };
  vault.replies.set(creds.path, { body, lease: { id: `lease of ${value}`, durationMs, renewable } });
}

async function mount(principal: Partial<Principal> = {}): Promise<string> {
  const transaction = credentials.source.begin(samplePrincipal(principal));
  const [answer] = await readRequests(transaction, [creds]);
  const { value } = (answer!.body.reveal() as { data: { value: string } }).data;
  transaction.commit(value);
  return value;
}

/** Lets time pass as it does for the daemon: the keeper looks every second. */
async function pass(ms: number, step = second): Promise<void> {
  for (let passed = 0; passed < ms; passed += step) {
    await clock.advance(step);
    credentials.tokens.revokeLeaving();
    credentials.renewalLoop.tick(never);
    await credentials.renewalLoop.settled();
  }
}

const renewals = () => vault.calls.filter((call) => call.startsWith("renew"));
const logins = () => vault.calls.filter((call) => call.startsWith("login")).length;

/** What `event-reports.ts` logs as "it is tried again", of tokens and of leases. */
test.each(Object.keys(codeOfKind) as VaultErrorKind[])(
  "a renewal is said to come later exactly where it does, after %s",
  async (kind) => {
    vault.failures.push({ verb: "renew", kind }, { verb: "renew", kind });
    await mount();
    await pass(44 * minute, 10 * second);
    expect(told).not.toEqual([]);
    const later = told.filter((line) => line.endsWith(": later"));
    const again = renewals().length - 2;
    expect(again).toBe(later.length);
    expect(told.filter((line) => line.endsWith(" renewed"))).toHaveLength(later.length);
  },
);

describe("tokens and leases", () => {
  test("are renewed at two thirds of the grant, without a Mount, a login or another credential", async () => {
    await mount();
    await pass(39 * minute, minute);
    expect(renewals()).toEqual([]);
    await pass(minute, second);
    expect(renewals().sort()).toEqual(["renew lease of login-1 3600s", "renew-self 3600s"]);
    await pass(10 * hour, minute);
    expect(await mount()).toBe("login-1");
    expect(logins()).toBe(1);
    expect(vault.calls.filter((call) => call === "GET database/creds/app")).toHaveLength(1);
  });

  test("asks as the pod, before replacements and refreshes", async () => {
    await mount();
    await pass(40 * minute, minute);
    expect(vault.callers.at(-1)).toEqual({ namespace: "shop", pod: "shop/web-0/uid-1", priority: "renewal" });
  });

  test("capped by its max TTL is not renewed any more, and replaced by a Mount before its end", async () => {
    vault.grants = [{ ttlMs: 100 * day }];
    await mount();
    vault.renewals.push({ durationMs: 30 * minute });
    await pass(40 * minute, minute);
    expect(told).toEqual(["lease: last renewal"]);
    grantLease("login-2", hour);
    await pass(17 * minute, minute);
    expect(await mount()).toBe("login-1");
    await pass(minute, minute);
    expect(await mount()).toBe("login-2");
    await pass(30 * minute, minute);
    expect(renewals()).toHaveLength(1);
  });

  test("ends with its token, whose end is in sight: a Mount logs in again and creates another", async () => {
    vault.grants = [{ renewable: false }];
    await mount();
    grantLease("login-2", hour);
    await pass(49 * minute, minute);
    expect(await mount()).toBe("login-2");
    expect(logins()).toBe(2);
    expect(vault.revoked).toEqual([]); // The old login is in the pod's hands still.
  });

  test("by a token with num_uses is not renewed: each renewal would be one use less", async () => {
    vault.grants = [{ uses: 5 }];
    await mount();
    await pass(hour, minute);
    expect(renewals()).toEqual([]);
  });
});

/** A renewal fails so; how often it is tried within the next ten minutes, the events, and the result of the next Mount. */
test.each<[string, VaultErrorKind[], number, string[], string]>([
  ["Vault does not answer, once", ["outage"], 2, ["lease: later", "lease renewed"], "login-1"],
  ["the lease is unknown", ["lease_gone"], 1, ["lease gone"], "login-2"],
  ["the token is dead", ["token_invalid"], 1, ["token died"], "login-2"],
  ["Vault refuses it", ["refused"], 1, ["lease: never again"], "login-1"],
  [
    "it is denied, and Vault does not say whether the token lives",
    ["denied"],
    2,
    ["lease: later", "lease renewed"],
    "login-1",
  ],
])("a lease's renewal, where %s", async (_what, kinds, tries, says, gives) => {
  vault.grants = [{ ttlMs: 100 * day }];
  await mount();
  vault.failures.push(...kinds.map((kind) => ({ verb: "renew", kind })), { verb: "lookup", kind: "outage" });
  grantLease("login-2", hour);
  await pass(40 * minute, minute);
  await pass(5 * minute);
  expect(renewals()).toHaveLength(tries);
  expect(told).toEqual(says);
  expect(await mount()).toBe(gives);
});

describe("a lease of a batch token", () => {
  test("is never renewed with it: both end with the token's time, and a Mount before that makes new ones", async () => {
    vault.grants = [{ type: "batch", accessor: "", renewable: false }];
    await mount();
    grantLease("login-2", hour);
    await pass(49 * minute, minute);
    expect(renewals().filter((call) => call.startsWith("renew-self"))).toEqual([]);
    expect(await mount()).toBe("login-2");
    expect(logins()).toBe(2);
  });
});

describe("clocks that jump", () => {
  test("where a node slept past the end of everything, the first Mount has a new login and a new credential", async () => {
    await mount();
    grantLease("login-2", hour);
    await clock.advance(8 * hour);
    credentials.renewalLoop.tick(never);
    await credentials.renewalLoop.settled();
    expect(renewals()).toEqual([]);
    expect(await mount()).toBe("login-2");
    expect(logins()).toBe(2);
  });

  test("where it slept a while, what is due is renewed at once", async () => {
    await mount();
    await clock.advance(50 * minute);
    credentials.renewalLoop.tick(never);
    await credentials.renewalLoop.settled();
    expect(renewals()).toHaveLength(2);
    expect(await mount()).toBe("login-1");
  });

  test.each([-day, day])("a wall clock that is set by %i ms moves nothing", async (by) => {
    await mount();
    clock.setWall(by);
    await pass(39 * minute, minute);
    expect(renewals()).toEqual([]);
    await pass(5 * minute, second);
    expect(renewals()).toHaveLength(2);
    expect(await mount()).toBe("login-1");
  });
});

test("past its end by five minutes, a lease is asked about no more; until then, it is not asked about each second", async () => {
  vault.grants = [{ ttlMs: 100 * day }];
  await mount();
  vault.failures.push(...Array.from({ length: 10_000 }, () => ({ verb: "renew", kind: "outage" as const })));
  await pass(hour, 10 * second);
  const before = renewals().length;
  await pass(5 * minute);
  expect(renewals().length - before).toBeLessThan(30);
  const byThen = renewals().length;
  await pass(hour, 10 * second);
  expect(renewals().length).toBe(byThen);
});

describe("a renewal that policy denies", () => {
  test.each([
    ["to a living token", [], ["lease: never again"]],
    ["to one that may not tell", ["denied"], ["lease: never again"]],
    ["to a dead one", ["token_invalid"], ["token died"]],
  ] as const)("%s", async (_to, lookup, says) => {
    vault.grants = [{ ttlMs: 100 * day }];
    await mount();
    vault.failures.push({ verb: "renew", kind: "denied" }, ...lookup.map((kind) => ({ verb: "lookup", kind })));
    await pass(41 * minute, minute);
    expect(told).toEqual(says);
  });

  test("to a token that was renewed before, and is now denied its own lookup, means that it is dead", async () => {
    vault.grants = [{ ttlMs: 100 * day }];
    await mount();
    await pass(41 * minute, minute);
    vault.failures.push({ verb: "renew", kind: "denied" }, { verb: "lookup", kind: "denied" });
    await pass(41 * minute, minute);
    expect(told).toEqual(["lease renewed", "token died"]);
  });
});

test("retries in an outage back off, never come twice within a second, and never later than the lease's end requires", async () => {
  await mount();
  vault.failures.push(...Array.from({ length: 100 }, () => ({ verb: "renew", kind: "outage" as const })));
  const triedAt: number[] = [];
  const renewLease = vault.renewLease.bind(vault);
  vault.renewLease = (...args) => {
    triedAt.push(clock.monotonic());
    return renewLease(...args);
  };
  await pass(60 * minute);
  const gaps = triedAt.slice(1).map((at, n) => at - triedAt[n]!);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(second);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(5 * minute + second);
  expect(triedAt.length).toBeLessThan(40);
  expect(triedAt.length).toBeGreaterThan(5);
});

describe("a volume without Mounts", () => {
  test("is renewed as long as the pod is known to be alive", async () => {
    await mount();
    await mount();
    await pass(3 * day, 10 * minute);
    expect(told).not.toContain("ends in 6m");
    expect(await mount()).toBe("login-1");
  });

  test("is renewed indefinitely where pods are not watched and it never mounted twice: the driver does not rotate", async () => {
    living.clear();
    await mount();
    await pass(3 * day, 10 * minute);
    expect(await mount()).toBe("login-1");
  });

  test("that used to mount again is not renewed after a day, and is not revoked for that", async () => {
    living.clear();
    await mount();
    await mount();
    await pass(23 * hour, 10 * minute);
    const before = renewals().length;
    await pass(4 * hour, 10 * minute);
    expect(renewals().length - before).toBeLessThan(4);
    expect(vault.revoked).toEqual([]);
  });

  test.each([
    [0, false, "is not renewed"],
    [0, true, "is not renewed"],
    [1, false, "is renewed"],
    [1, true, "is renewed"],
    [2, false, "is not renewed"],
    [2, true, "is not renewed"],
    [5, true, "is not renewed"],
  ])(
    "delivered %i times, then in another process: %s, where pods are not watched: %s after a day",
    async (times, restarted, outcome) => {
      living.clear();
      const store = new RecordsInMemory();
      const open = () => openState(credentials.state, store, store.all(), [sampleConnection()]);
      open();
      if (times === 0) await readRequests(credentials.source.begin(samplePrincipal()), [creds]); // And given up.
      for (let n = 0; n < times; n += 1) {
        await mount();
        await clock.advance(90 * second);
      }
      await credentials.settled();
      if (restarted) start();
      if (restarted) open();
      await pass(2 * day, 10 * minute);
      const before = renewals().length;
      await pass(day, 10 * minute);
      expect(renewals().length > before ? "is renewed" : "is not renewed").toBe(outcome);
    },
  );
});

test("an unreplaced credential is announced once, before it ends", async () => {
  grantLease("login-1", hour, false);
  await mount();
  await pass(2 * hour, minute);
  expect(told.filter((line) => line.startsWith("ends"))).toEqual(["ends in 6m"]);
});

test("a node that wakes up, with everything due at once, renews a few at a time", async () => {
  for (let pod = 0; pod < 30; pod += 1) {
    const uid = `uid-${pod}`;
    living.add(uid);
    await mount({ ownerKey: uid, volumeKey: uid, pod: { namespace: "shop", name: uid, uid, serviceAccount: "web" } });
  }
  await clock.advance(45 * minute);
  let open = () => {};
  vault.gate = new Promise((resolve) => (open = resolve));
  credentials.renewalLoop.tick(never);
  credentials.renewalLoop.tick(never);
  await clock.advance(0);
  // Of the one auth mount, and of the one engine: two slots of eight are left for others, in either pool.
  expect(renewals().filter((call) => call.startsWith("renew-self"))).toHaveLength(6);
  expect(renewals()).toHaveLength(12);
  open();
  // One after another, not so many a tick: a thousand pods with lifetimes of minutes have dozens due every second.
  await clock.advance(0);
  expect(renewals()).toHaveLength(60);
});

describe("engines that hang", () => {
  /** Renewals below these paths time out after ten seconds. */
  let hanging: (leaseId: string) => boolean;
  const ttlMs = 10 * minute;

  beforeEach(() => {
    hanging = () => false;
    vault.grants = [{ ttlMs }];
    const renewLease = vault.renewLease.bind(vault);
    vault.renewLease = async (...args) => {
      if (!hanging(args[2].reveal())) return renewLease(...args);
      await clock.sleep(10 * second, never);
      throw new VaultError("outage", "no answer in time");
    };
  });

  /** A pod with one credential of that role. */
  async function pod(n: number, path: string): Promise<void> {
    const uid = `pod-${n}`;
    living.add(uid);
    vault.replies.set(path, () => ({
      body: { data: { value: "x" } },
      lease: { id: `${path}/${n}`, durationMs: ttlMs },
    }));
    const of = { ownerKey: uid, volumeKey: uid, pod: { namespace: "shop", name: uid, uid, serviceAccount: "web" } };
    const transaction = credentials.source.begin(samplePrincipal(of));
    await readRequests(transaction, [{ ...creds, path }], { refreshIntervalMs: day });
    transaction.commit("v");
  }

  test.each([
    ["one engine", (n: number) => (n < 60 ? "hung/creds/app" : "database/creds/app")],
    ["many engines", (n: number) => (n < 60 ? `hung-${n}/creds/app` : "database/creds/app")],
    ["many roles of one engine", (n: number) => (n < 60 ? `hung/creds/app-${n}` : "database/creds/app")],
    ["one database behind an engine", (n: number) => (n < 60 ? "database/creds/hung" : "database/creds/app")],
  ])("no healthy lease and no token ends, though no Mount comes: %s", async (_what, pathOf) => {
    for (let n = 0; n < 100; n += 1) await pod(n, pathOf(n));
    hanging = (id) => id.includes("hung");
    const ended = new Set<string>();
    for (let passed = 0; passed < 2 * ttlMs; passed += second) {
      await clock.advance(second);
      credentials.renewalLoop.tick(never);
      const now = clock.monotonic();
      for (const { answer, request, key } of credentials.cache.entries())
        if (!request.path.includes("hung") && endsAt(answer!) <= now) ended.add(key);
      for (const { term, ownerKey } of credentials.tokens.current()) if (endOf(term) <= now) ended.add(ownerKey);
    }
    expect(ended.size).toBe(0);
  });

  test("none is tried twice before all that are due have been tried once", async () => {
    for (let n = 0; n < 30; n += 1) await pod(n, "database/creds/hung");
    const tried: string[] = [];
    hanging = (id) => tried.push(id) > 0;
    for (let passed = 0; passed < ttlMs; passed += second) {
      await clock.advance(second);
      credentials.renewalLoop.tick(never);
    }
    const firstTwice = tried.findIndex((id, at) => tried.indexOf(id) < at);
    expect(new Set(tried.slice(0, firstTwice)).size).toBe(30);
  });

  test("what is renewable is replaced by a Mount in the last fifth of its grant, though its renewal was never answered", async () => {
    await pod(1, "database/creds/app");
    hanging = () => true;
    for (let passed = 0; passed < 8 * minute; passed += second) {
      await clock.advance(second);
      if (passed >= 7 * minute) credentials.renewalLoop.tick(never); // The loop comes late: it was held up.
    }
    await pod(1, "database/creds/app");
    expect(vault.calls.filter((call) => call === "GET database/creds/app")).toHaveLength(2);
  });
});

test("a renewal that grants nothing ends the lease: a Mount creates another", async () => {
  vault.grants = [{ ttlMs: 100 * day }];
  await mount();
  vault.renewals.push({ durationMs: 0 });
  await pass(44 * minute, minute);
  expect(told[0]).toBe("lease: last renewal");
  grantLease("login-2", hour);
  expect(await mount()).toBe("login-2");
});

/** What `renew-self` says, what `lookup-self` says then, and what is done about the token. */
test.each<[string, VaultErrorKind, VaultErrorKind | undefined, string, boolean]>([
  ["the node is away", "outage", undefined, "token: later", true],
  ["Vault is sealed", "sealed", undefined, "token: later", true],
  ["there is a quota", "quota", undefined, "token: later", false],
  ["its auth method hangs", "engine", undefined, "token: later", false],
  ["its Vault namespace is sealed", "namespace", undefined, "token: later", false],
  ["it is past its max TTL, or its role is gone", "refused", undefined, "token: never again", false],
  ["it is dead", "token_invalid", undefined, "token died", false],
  ["policy denies it", "denied", undefined, "token: never again", false],
  ["it is denied, and dead", "denied", "token_invalid", "token died", false],
  ["it is denied, and may not tell whether it lives", "denied", "denied", "token: never again", false],
  ["it is denied, and the node is away then", "denied", "outage", "token: later", true],
])("a token's renewal, where %s", async (_what, kind, lookup, says, spreads) => {
  await mount();
  const renewSelf = vault.renewSelf.bind(vault);
  vault.renewSelf = () => {
    vault.renewSelf = renewSelf;
    return Promise.reject(new VaultError(kind, "no"));
  };
  if (lookup) vault.failures.push({ verb: "lookup", kind: lookup });
  await pass(40 * minute, minute);
  expect(told.filter((line) => line.startsWith("token"))).toEqual([says]);
  const [stored] = credentials.tokens.all();
  if (stored) credentials.tokens.died(stored);
  const login = credentials.tokens.open(samplePrincipal(), { namespace: "shop", priority: "refresh" }, true, never);
  const waits = await login.then(
    () => false,
    () => true,
  );
  expect(waits).toBe(spreads);
});

test("a token and a lease are not renewed again before Vault wants it, nor is a token revoked", async () => {
  vault.grants = [{ ttlMs: 4 * hour }];
  grantLease("login-1", 4 * hour);
  await mount();
  const triedAt = { renewSelf: [] as number[], renewLease: [] as number[], revokeSelf: [] as number[] };
  const refuse = (act: keyof typeof triedAt) => () => {
    triedAt[act].push(clock.monotonic());
    return Promise.reject(new VaultError("quota", "429", { retryAfterMs: minute }));
  };
  Object.assign(vault, {
    renewSelf: refuse("renewSelf"),
    renewLease: refuse("renewLease"),
    revokeSelf: refuse("revokeSelf"),
  });
  await pass(3.5 * hour, 10 * second);
  credentials.cache.forgetPod("uid-1");
  await pass(10 * minute, 10 * second);
  for (const [act, times] of Object.entries(triedAt)) {
    const gaps = times.slice(1).map((at, n) => at - times[n]!);
    expect(gaps.length, act).toBeGreaterThan(1);
    expect(Math.min(...gaps), act).toBeGreaterThanOrEqual(minute);
  }
});

test("nothing is renewed for a pod that is gone", async () => {
  await mount();
  credentials.cache.forgetPod("uid-1");
  await pass(2 * hour, minute);
  expect(renewals()).toEqual([]);
  expect(vault.revoked).toEqual(["accessor-1"]);
});

test("a renewal in flight when the daemon stops says nothing", async () => {
  await mount();
  const life = new AbortController();
  let open = () => {};
  vault.gate = new Promise((resolve) => (open = resolve));
  await clock.advance(40 * minute);
  credentials.renewalLoop.tick(life.signal);
  life.abort(new Error("stopping"));
  open();
  await credentials.renewalLoop.settled();
  expect(renewals()).toHaveLength(2);
  expect(told).toEqual([]);
});
