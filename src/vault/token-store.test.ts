import { beforeEach, describe, expect, test } from "vitest";
import type { Principal } from "../mount/ports.js";
import { CountingVault, samplePrincipal } from "../../dev/testing/counting-vault.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { sampleStoredToken, usualRules } from "../../dev/testing/test-credentials.js";
import { type StoredToken, moveTo, tokenStates } from "./stored-token.js";
import { newTerm } from "./term.js";
import { TokenStore } from "./token-store.js";
import type { Caller } from "./vault-client.js";
import { codeOfKind, VaultError, type VaultErrorKind } from "./vault-error.js";

const minute = 60_000;
const never = new AbortController().signal;
const caller: Caller = { namespace: "shop", pod: "shop/web-0/uid-1", priority: "first-mount" };

let clock: FakeClock;
let vault: CountingVault;
let tokens: TokenStore;
let events: string[];
let draws: number[];
let unneeded: Set<string>;

beforeEach(() => {
  clock = new FakeClock();
  vault = new CountingVault(clock);
  vault.grants = [{ renewable: false }];
  events = [];
  draws = [];
  unneeded = new Set();
  tokens = new TokenStore({
    client: vault,
    clock,
    random: () => draws.shift() ?? 0.5,
    rules: usualRules,
    journal: { persist: async () => {} },
    isNeeded: (ownerKey) => !unneeded.has(ownerKey),
    emit: (event) => {
      if (event.kind === "loggedIn") events.push(`${event.principal.pod.name} has ${event.token.accessor}`);
      if (event.kind === "loginFailed") events.push(`failed: ${event.error.message}`);
      if (event.kind === "tokenRevoked") events.push(`dropped ${event.stored.token.accessor}`);
      if (event.kind === "tokenNotRevoked") {
        events.push(`dropped ${event.stored.token.accessor}: ${event.error.message}`);
      }
    },
    lifetime: never,
  });
});

async function open({
  mayWait = false,
  ...change
}: Partial<Principal> & { mayWait?: boolean } = {}): Promise<StoredToken> {
  const stored = await tokens.open(samplePrincipal(change), caller, mayWait, never);
  tokens.release(stored);
  return stored;
}

const logins = () => vault.calls.filter((call) => call.startsWith("login")).length;
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("one live token for each owner key", () => {
  test("concurrent mounts join one login", async () => {
    const opened = await Promise.all([open(), open(), open()]);
    expect(new Set(opened.map(({ token }) => token)).size).toBe(1);
    expect(logins()).toBe(1);
  });

  test("another owner key logs in for itself", async () => {
    await open();
    await open({ ownerKey: "key-2" });
    expect(logins()).toBe(2);
  });

  test("a login is reported with its accessor and its pod", async () => {
    await open();
    expect(events).toEqual(["web-0 has accessor-1"]);
  });

  test("a token whose end is in sight is replaced and, idle and without leases, revoked", async () => {
    await open();
    await clock.advance(50 * minute);
    expect((await open()).token.accessor).toBe("accessor-2");
    await settled();
    expect(vault.revoked).toEqual(["accessor-1"]);
  });

  test("a token in use is not revoked until its request is over", async () => {
    const busy = await tokens.open(samplePrincipal(), caller, false, never);
    await clock.advance(50 * minute);
    await open();
    await settled();
    expect(vault.revoked).toEqual([]);
    tokens.release(busy);
    await settled();
    expect(vault.revoked).toEqual(["accessor-1"]);
  });

  test("a request that brought a lease leaves its replaced token alone", async () => {
    const busy = await tokens.open(samplePrincipal(), caller, false, never);
    await clock.advance(50 * minute);
    await open();
    busy.leases = 1;
    tokens.release(busy);
    await settled();
    expect(vault.revoked).toEqual([]);
  });

  test("a token that is not dead is used on when its replacement cannot be had", async () => {
    await open();
    await clock.advance(50 * minute);
    vault.failures.push({ verb: "login", kind: "outage" });
    expect((await open()).token.accessor).toBe("accessor-1");
  });

  test("the clock alone does not declare a token dead for five minutes", async () => {
    await open();
    vault.failures.push({ verb: "login", kind: "outage" }, { verb: "login", kind: "outage" });
    await clock.advance(64 * minute);
    expect((await open()).token.accessor).toBe("accessor-1");
    await clock.advance(2 * minute);
    await expect(open()).rejects.toThrow("outage");
  });

  test("a token with a number of uses is replaced when they are used up", async () => {
    vault.grants = [{ uses: 2 }];
    for (let use = 0; use < 5; use += 1) await open();
    expect(logins()).toBe(3);
  });

  test("those who ask at once get no more uses of one token than it has", async () => {
    vault.grants = [{ uses: 2 }];
    const opened = await Promise.all([open(), open(), open(), open(), open()]);
    const uses = new Map<string, number>();
    for (const { token } of opened) uses.set(token.accessor, (uses.get(token.accessor) ?? 0) + 1);
    expect([...uses.values()]).toEqual([2, 2, 1]);
    expect(logins()).toBe(3);
  });

  test("a token that never ends is never replaced", async () => {
    vault.grants = [{ ttlMs: undefined as unknown as number }];
    await open();
    await clock.advance(1000 * 60 * minute);
    await open();
    expect(logins()).toBe(1);
  });
});

describe("a failed login", () => {
  test("is not retried for about a second, by any caller", async () => {
    vault.failures.push({ verb: "login", kind: "login_denied" });
    await expect(open()).rejects.toThrow("login_denied");
    await expect(open()).rejects.toThrow("login_denied");
    expect(logins()).toBe(1);
    await clock.advance(1_250);
    await open();
    expect(logins()).toBe(2);
  });

  test("rests as long as Vault asks", async () => {
    const refuse = () => Promise.reject(new VaultError("quota", "429", { retryAfterMs: 7_000 }));
    const login = vault.login.bind(vault);
    vault.login = refuse;
    await expect(open()).rejects.toThrow("429");
    vault.login = login;
    await clock.advance(6_999);
    await expect(open()).rejects.toThrow("429");
    await clock.advance(1);
    await open();
  });

  test("after an outage, those who hold answers log in again one after another over five minutes", async () => {
    const keys = ["a", "b", "c", "d"];
    const anyTerm = 0.5;
    draws = [0, anyTerm, 0.25, anyTerm, 0.5, anyTerm, 0.75, anyTerm];
    for (const ownerKey of keys) tokens.died(await open({ ownerKey }));
    tokens.sawFailure(samplePrincipal().connection, new VaultError("outage", "no answer"));
    const loggedIn: number[] = [];
    for (let minutes = 0; minutes <= 4; minutes += 1) {
      await Promise.allSettled(keys.map((ownerKey) => open({ ownerKey, mayWait: true })));
      loggedIn.push(logins() - keys.length);
      await clock.advance(minute);
    }
    expect(loggedIn).toEqual([1, 1, 2, 3, 4]);
  });

  test("a pod that waits for its first files does not wait for its turn", async () => {
    tokens.sawFailure(samplePrincipal().connection, new VaultError("outage", "no answer"));
    await open();
    expect(logins()).toBe(1);
  });
});

/** The key has no volume any more, and the tick that revokes unneeded tokens has run. */
function close(ownerKey: string): void {
  unneeded.add(ownerKey);
  tokens.revokeLeaving();
}

describe("dropping", () => {
  test("closing a key revokes its token, and those that were replaced", async () => {
    (await open()).leases = 1;
    await clock.advance(50 * minute);
    await open();
    close("key-1");
    await settled();
    expect(vault.revoked.sort()).toEqual(["accessor-1", "accessor-2"]);
    expect(tokens.size).toBe(0);
  });

  test("a login that ends after its key was closed is revoked at once", async () => {
    let finish = () => {};
    vault.gate = new Promise((resolve) => (finish = resolve));
    const opening = open();
    await settled();
    close("key-1");
    finish();
    await opening;
    await settled();
    expect(vault.revoked).toEqual(["accessor-1"]);
  });

  test("a token that cannot be revoked is reported and ends with its time", async () => {
    await open();
    vault.failures.push({ verb: "revoke", kind: "denied" });
    close("key-1");
    await settled();
    expect(events.at(-1)).toBe("dropped accessor-1: denied at revoke");
  });

  test("a replaced token that Vault says is dead is neither counted nor revoked any more", async () => {
    const first = await open();
    first.leases = 1;
    await clock.advance(50 * minute);
    await open();
    tokens.died(first);
    expect(tokens.size).toBe(1);
    close("key-1");
    await settled();
    expect(vault.revoked).toEqual(["accessor-2"]);
  });

  test("tokens that have ended are swept away", async () => {
    await open();
    await clock.advance(66 * minute);
    tokens.sweep();
    expect(tokens.size).toBe(0);
    expect(vault.revoked).toEqual([]);
  });
});

describe("states", () => {
  test("none is ever entered again", () => {
    const led = tokenStates.map((from) => tokenStates.filter((to) => moveTo(sampleStoredToken({ state: from }), to)));
    expect(led).toEqual([["retired", "leaving", "dead"], ["leaving", "dead"], ["dead"], []]);
  });

  test("a token of an unneeded key is revoked once its request is over", async () => {
    const busy = await tokens.open(samplePrincipal(), caller, false, never);
    unneeded.add("key-1");
    tokens.revokeLeaving();
    await settled();
    expect(vault.revoked).toEqual([]);
    tokens.release(busy);
    await settled();
    expect(vault.revoked).toEqual(["accessor-1"]);
    expect(tokens.all()).toEqual([]);
  });

  test("an abandoned login, for an unneeded key, is revoked within a tick", async () => {
    let finish = () => {};
    vault.gate = new Promise((resolve) => (finish = resolve));
    const impatient = new AbortController();
    const opening = tokens.open(samplePrincipal(), caller, false, impatient.signal);
    await settled();
    impatient.abort(new Error("gave up"));
    await expect(opening).rejects.toThrow("gave up");
    unneeded.add("key-1");
    finish();
    await tokens.settled();
    tokens.revokeLeaving();
    await settled();
    expect(vault.revoked).toEqual(["accessor-1"]);
  });

  test("a login that ends after everything was revoked is revoked as well", async () => {
    let finish = () => {};
    vault.gate = new Promise((resolve) => (finish = resolve));
    const opening = open();
    await settled();
    expect(await tokens.revokeAll()).toEqual({ revoked: 0, failed: 0, retried: 0 });
    finish();
    await opening;
    await settled();
    expect(vault.revoked).toEqual(["accessor-1"]);
  });

  test.each(Object.keys(codeOfKind) as VaultErrorKind[])(
    "revoking everything counts as tried again what is, after %s",
    async (kind) => {
      await open();
      vault.failures.push({ verb: "revoke", kind });
      const { revoked, failed, retried } = await tokens.revokeAll();
      await clock.advance(10 * minute);
      tokens.revokeLeaving();
      await settled();
      expect([revoked, failed]).toEqual([0, 1]);
      expect(vault.calls.filter((call) => call === "revoke-self")).toHaveLength(1 + retried);
      expect(tokens.all()).toEqual([]);
    },
  );

  test("what is restored after everything was revoked is revoked as well", async () => {
    await tokens.revokeAll();
    restore({ leases: 1 });
    tokens.revokeLeaving();
    await settled();
    expect(vault.revoked).toEqual(["restored"]);
  });

  test("a revocation that failed for want of a Vault is not retried when the key is closed again", async () => {
    await open();
    vault.failures.push({ verb: "revoke", kind: "sealed" });
    close("key-1");
    await settled();
    close("key-1");
    await settled();
    expect(vault.calls.filter((call) => call === "revoke-self")).toHaveLength(1);
  });
});

const endInSight = newTerm({ requestedAt: -50 * minute, durationMs: 60 * minute, renewable: false }, usualRules, 0.5);

function restore(change: Partial<StoredToken>): void {
  const { token, ...rest } = sampleStoredToken(change);
  tokens.restore("key-1", [{ ...rest, token: { ...token, accessor: "restored" } }]);
}

/** By accessor. */
function states(): Record<string, string> {
  const held = tokens.all().map(({ token: { accessor }, state }) => [accessor, state] as const);
  return Object.fromEntries([...held, ...vault.revoked.map((accessor) => [accessor, "revoked"] as const)]);
}

/** A key has a token here, and a record brings another: which one is current then, and the states of both. */
test.each<[string, Partial<StoredToken>, Partial<StoredToken>, Record<string, string>]>([
  ["leases depend on the restored one", {}, { leases: 1 }, { restored: "current", "accessor-1": "revoked" }],
  ["none do", {}, {}, { restored: "revoked", "accessor-1": "current" }],
  ["on both", { leases: 1 }, { leases: 1 }, { restored: "current", "accessor-1": "retired" }],
  ["the present one is in use", { inUse: 1 }, { leases: 1 }, { restored: "current", "accessor-1": "retired" }],
  [
    "the restored one was retired",
    {},
    { leases: 1, state: "retired" },
    { restored: "retired", "accessor-1": "current" },
  ],
  [
    "the restored one was to be revoked",
    {},
    { leases: 1, state: "leaving" },
    { restored: "leaving", "accessor-1": "current" },
  ],
  ["the restored one is dead", {}, { leases: 1, state: "dead" }, { "accessor-1": "current" }],
  [
    "the end of the restored one is in sight",
    {},
    { leases: 1, term: endInSight },
    { restored: "retired", "accessor-1": "current" },
  ],
  [
    "the restored one has ended",
    {},
    { leases: 1, term: { ...sampleStoredToken().term, grantedAt: -1e9 } },
    { "accessor-1": "current" },
  ],
])("restored beside a live one, where %s", async (_what, present, restored, becomes) => {
  Object.assign(await open(), present);
  restore(restored);
  await settled();
  expect(states()).toEqual(becomes);
});

/** The record is restored while the key logs in: which one is opened then, and the states of both. */
test.each<[string, Partial<StoredToken>, string, Record<string, string>]>([
  ["leases depend on the restored one", { leases: 1 }, "restored", { restored: "current", "accessor-1": "revoked" }],
  ["none do", {}, "accessor-1", { restored: "revoked", "accessor-1": "current" }],
  [
    "the end of the restored one is in sight",
    { leases: 1, term: endInSight },
    "accessor-1",
    { restored: "retired", "accessor-1": "current" },
  ],
  [
    "the uses of the restored one are over",
    { leases: 1, usesLeft: 0 },
    "accessor-1",
    { restored: "retired", "accessor-1": "current" },
  ],
  [
    "the restored one was retired",
    { leases: 1, state: "retired" },
    "accessor-1",
    { restored: "retired", "accessor-1": "current" },
  ],
])("restored during a login, where %s", async (_what, restored, opened, becomes) => {
  let answer = () => {};
  vault.gate = new Promise((resolve) => (answer = resolve));
  const opening = Promise.all([open(), open()]);
  await settled();
  restore(restored);
  answer();
  expect((await opening).map(({ token }) => token.accessor)).toEqual([opened, opened]);
  await settled();
  expect(states()).toEqual(becomes);
});

test("a token with leases that is renewed during the login that was to replace it stays, and the other is revoked", async () => {
  vault.grants = [{}];
  const stored = await open();
  stored.leases = 1;
  await clock.advance(50 * minute);
  let answer = () => {};
  const login = vault.login.bind(vault);
  vault.login = async (...args) => {
    await new Promise<void>((resolve) => (answer = resolve));
    return login(...args);
  };
  const opening = open();
  await settled();
  await tokens.renew(stored, never);
  answer();
  expect(await opening).toBe(stored);
  await settled();
  expect(states()).toEqual({ "accessor-1": "current", "accessor-2": "revoked" });
});
