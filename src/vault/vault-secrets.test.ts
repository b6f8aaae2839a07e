import { beforeEach, describe, expect, test } from "vitest";
import type { Credentials } from "../leases/credentials.js";
import type { VaultRequest } from "../mount/mount-spec.js";
import type { Principal } from "../mount/ports.js";
import { ProviderError } from "../shared/errors.js";
import type { JsonObject } from "../shared/json.js";
import { CountingVault, samplePrincipal } from "../../dev/testing/counting-vault.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { sampleLimits, testCredentials } from "../../dev/testing/test-credentials.js";
import { VaultError } from "./vault-error.js";
import { answersTo, readRequests } from "../../dev/testing/read-requests.js";

const minute = 60_000;
const never = new AbortController().signal;
const kv: VaultRequest = { method: "GET", path: "secret/data/app", query: "" };
const forbidden: VaultRequest = { method: "GET", path: "secret/data/forbidden", query: "" };
const creds: VaultRequest = { method: "GET", path: "database/creds/app", query: "" };
const issue: VaultRequest = { method: "POST", path: "pki/issue/web", query: "" };

/** Denies everything to a token that is of no use any more, as where its entity was deleted. */
class Denying extends CountingVault {
  mayLookUp = true;

  override async request(...args: Parameters<CountingVault["request"]>) {
    return super.request(...args).catch(denied);
  }

  override async lookupSelf(...args: Parameters<CountingVault["lookupSelf"]>) {
    await super.lookupSelf(...args).catch(denied);
    if (!this.mayLookUp) throw new VaultError("denied", "permission denied");
  }
}

function denied(reason: unknown): never {
  if (reason instanceof VaultError && reason.kind === "token_invalid")
    throw new VaultError("denied", "permission denied");
  throw reason;
}

let clock: FakeClock;

async function mount(
  credentials: Credentials,
  requests: VaultRequest[],
  principal: Partial<Principal> = {},
): Promise<string[]> {
  const transaction = credentials.source.begin(samplePrincipal(principal));
  const answers = await answersTo(transaction, requests, { refreshIntervalMs: minute });
  transaction.commit("v");
  return answers.map((answer) => ("error" in answer ? String(answer.error) : answer.staleReason ? "held" : "fresh"));
}

beforeEach(() => {
  clock = new FakeClock();
});

describe("where a token that is of no use is reported like a denial", () => {
  let vault: Denying;
  let credentials: Credentials;
  const logins = () => vault.calls.filter((call) => call.startsWith("login")).length;
  const revokeBehind = () => vault.kill([...credentials.tokens.current()][0]!.token);

  beforeEach(() => {
    vault = new Denying(clock);
    vault.replies.set(kv.path, { body: { data: { value: "1" } } });
    vault.replies.set(forbidden.path, "denied");
    credentials = testCredentials({ client: vault, clock });
  });

  test.each([true, false])("every such token is noticed, however many: may look itself up: %s", async (mayLookUp) => {
    vault.mayLookUp = mayLookUp;
    await mount(credentials, [kv, forbidden]);
    const first = logins();
    for (let times = 1; times <= 5; times += 1) {
      revokeBehind();
      await clock.advance(2 * minute);
      expect((await mount(credentials, [kv, forbidden]))[0]).toBe("fresh");
      expect(logins()).toBe(first + times);
    }
  });

  test.each([
    [true, 1],
    [false, 2],
  ])("a denial costs no login more than it takes to settle it: may look itself up: %s", async (mayLookUp, expected) => {
    vault.mayLookUp = mayLookUp;
    for (let times = 0; times < 20; times += 1) {
      await mount(credentials, [forbidden]);
      await clock.advance(minute);
    }
    expect(logins()).toBe(expected);
  });

  test("what a policy takes away costs one login, where the token may not tell", async () => {
    vault.mayLookUp = false;
    await mount(credentials, [kv, forbidden]);
    const before = logins();
    vault.replies.set(kv.path, "denied");
    for (let times = 0; times < 20; times += 1) {
      await clock.advance(2 * minute);
      expect((await mount(credentials, [kv]))[0]).toBe("held");
    }
    expect(logins()).toBe(before + 1);
  });

  test("nothing is denied while Vault cannot say whether the token lives", async () => {
    vault.failures.push({ verb: "lookup", kind: "outage" });
    const transaction = credentials.source.begin(samplePrincipal());
    const [answer] = await answersTo(transaction, [forbidden], { onDenied: "fail" });
    expect(answer).toMatchObject({ error: { kind: "outage" } });
  });
});

describe("a credential that may not be held", () => {
  let vault: CountingVault;
  let made: number;
  let lost: string[];

  beforeEach(() => {
    vault = new CountingVault(clock);
    made = 0;
    lost = [];
    vault.replies.set(kv.path, { body: { data: { value: "1" } } });
    const credential = () => ({
      body: { data: { value: "x" } },
      lease: { id: `lease-${(made += 1)}`, durationMs: 60 * minute },
    });
    for (const path of ["database/creds/app", "database/creds/other", "odd/path"]) vault.replies.set(path, credential);
    vault.revokeLease = () => Promise.reject(new VaultError("denied", "permission denied"));
  });

  const start = (parts: Partial<Parameters<typeof testCredentials>[0]> = {}) =>
    testCredentials({
      client: vault,
      clock,
      emit: (event) => event.kind === "credentialOrphaned" && lost.push(`${event.path}: ${event.error.message}`),
      ...parts,
    });

  test.each<[string, Partial<Principal>, Partial<Parameters<typeof testCredentials>[0]>]>([
    ["there is no pod volume", { podVolume: false, volumeKey: "digest" }, {}],
    ["another keymount holds the lock", {}, { credentialsRefused: () => new ProviderError("unavailable", "another") }],
    ["there is no room", {}, { limits: sampleLimits({ volumes: 10, bytes: 0 }) }],
  ])("is made once at most, and taken back with its token: %s", async (_why, principal, parts) => {
    const credentials = start(parts);
    for (let times = 0; times < 30; times += 1) {
      await mount(credentials, [creds, { ...creds, path: "odd/path" }], principal);
      await clock.advance(2 * minute);
      if (times === 0) await mount(credentials, [{ ...creds, path: "database/creds/other" }], principal);
    }
    expect(made).toBe(2);
    expect(credentials.tokens.size).toBe(0);
    expect(vault.revoked).toEqual(
      vault.calls.filter((call) => call.startsWith("login")).map((_login, n) => `accessor-${n + 1}`),
    );
    expect(lost).toEqual([]);
  });

  test("takes no token with it whose other leases somebody has; then it is counted", async () => {
    const credentials = start();
    await mount(credentials, [creds]);
    await mount(credentials, [{ ...creds, path: "odd/path" }], { podVolume: false, volumeKey: "digest" });
    await clock.advance(minute);
    expect(vault.revoked).toEqual([]);
    expect(lost).toEqual(["odd/path: permission denied"]);
    expect((await mount(credentials, [creds]))[0]).toBe("fresh");
  });

  const child = { auth: { client_token: "t", orphan: false } };
  test.each<[string, JsonObject, { heldBefore: VaultRequest; lost: string[]; revoked: string[] }]>([
    [
      "a child token is taken back with the one that made it",
      child,
      { heldBefore: kv, lost: [], revoked: ["accessor-1"] },
    ],
    ["unless somebody has what hangs on that", child, { heldBefore: creds, lost: [issue.path], revoked: [] }],
    ["an orphan", { auth: { orphan: true } }, { heldBefore: kv, lost: [issue.path], revoked: [] }],
    ["a certificate", { data: { value: "x" } }, { heldBefore: kv, lost: [issue.path], revoked: [] }],
  ])("and has no lease: %s", async (_what, body, { heldBefore, ...expected }) => {
    vault.replies.set(issue.path, { body, bytes: 1 << 20 });
    const credentials = start({ limits: sampleLimits({ bytes: 1 << 20 }) });
    await mount(credentials, [heldBefore]);
    expect((await mount(credentials, [heldBefore, issue]))[1]).toMatch("this node holds as many credentials");
    await credentials.settled();
    await clock.advance(0);
    expect({ lost: lost.map((text) => text.split(":")[0]), revoked: vault.revoked }).toEqual(expected);
  });

  test("waits for the requests of others that its token is in use for", async () => {
    const credentials = start();
    const busy = await credentials.tokens.open(
      samplePrincipal(),
      { namespace: "shop", priority: "refresh" },
      false,
      never,
    );
    await mount(credentials, [creds], { podVolume: false, volumeKey: "digest" });
    await clock.advance(minute);
    expect(vault.revoked).toEqual([]);
    credentials.tokens.release(busy);
    await credentials.settled();
    await clock.advance(0);
    expect(vault.revoked).toEqual(["accessor-1"]);
  });

  test("is requested where it may be held, even if it was refused elsewhere", async () => {
    const credentials = start();
    await mount(credentials, [creds], { podVolume: false, volumeKey: "digest" });
    await clock.advance(minute);
    expect(await mount(credentials, [creds])).toEqual(["fresh"]);
  });
});

describe("a pod that goes during its Mount", () => {
  test("leaves neither entries nor tokens, for any later read of its Mount", async () => {
    const vault = new CountingVault(clock);
    vault.replies.set(kv.path, { body: { data: { value: "1" } } });
    vault.replies.set(creds.path, {
      body: { data: { value: "x" } },
      lease: { id: "lease-1", durationMs: 60 * minute },
    });
    const credentials = testCredentials({ client: vault, clock });
    const transaction = credentials.source.begin(samplePrincipal());
    await readRequests(transaction, [kv]);
    credentials.cache.forgetPod("uid-1");
    expect(transaction.previous(kv)).toBeUndefined();
    await readRequests(transaction, [kv]);
    await expect(readRequests(transaction, [creds])).rejects.toThrow("no longer served");
    transaction.commit("v");
    await credentials.settled();
    await clock.advance(0);
    expect([...credentials.cache.entries()]).toEqual([]);
    expect(credentials.tokens.all()).toEqual([]);
    expect(vault.revoked).toContain("lease-1");
  });

  test("and a credential without a lease that was being created for it is reported", async () => {
    const vault = new CountingVault(clock);
    vault.replies.set(issue.path, { body: { data: { value: "x" } } });
    const lost: string[] = [];
    const credentials = testCredentials({
      client: vault,
      clock,
      emit: (event) => event.kind === "credentialOrphaned" && lost.push(event.path),
    });
    let open = () => {};
    vault.gate = new Promise((resolve) => (open = resolve));
    const mounting = mount(credentials, [issue]);
    await clock.advance(0);
    credentials.cache.forgetPod("uid-1");
    open();
    expect((await mounting)[0]).toMatch("no longer served");
    expect(lost).toEqual([issue.path]);
  });
});

test("a token that is refused right after its login is told so, with the setting that does it", async () => {
  const vault = new CountingVault(clock);
  vault.replies.set(kv.path, "token_invalid");
  const credentials = testCredentials({ client: vault, clock });
  expect(await mount(credentials, [kv])).toEqual([
    expect.stringMatching(/right after its login: the role's token_bound_cidrs may not cover this node's address/),
  ]);
  expect(vault.calls.filter((call) => call.startsWith("login"))).toHaveLength(2);
});
