import { LosslessNumber } from "lossless-json";
import { beforeEach, describe, expect, test } from "vitest";
import type { Connection } from "../config/connection.js";
import type { VaultRequest } from "../mount/mount-spec.js";
import type { Principal } from "../mount/ports.js";
import { Redacted } from "../shared/redacted.js";
import { leaseRules } from "../vault/lease-rules.js";
import { VaultError } from "../vault/vault-error.js";
import type { Caller, Grant, VaultAnswer, VaultToken } from "../vault/vault-client.js";
import { sampleConnection } from "../../dev/testing/connection.js";
import { CountingVault, samplePrincipal } from "../../dev/testing/counting-vault.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { openState } from "../../dev/testing/open-state.js";
import { RecordsInMemory } from "../../dev/testing/records-in-memory.js";
import { readRequests } from "../../dev/testing/read-requests.js";
import { testCredentials } from "../../dev/testing/test-credentials.js";
import type { Credentials } from "./credentials.js";

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const interval = 10 * minute;
const never = new AbortController().signal;
const creds: VaultRequest = { method: "GET", path: "database/creds/app", query: "" };
const issue: VaultRequest = { method: "POST", path: "pki/issue/web", query: "", args: new Redacted("{}") };
const rules = leaseRules({ driverPollIntervalMs: 2 * minute, maxOrphanMs: minute, syncPollIntervalMs: interval });
const synced = { ownerKey: "key-1", volumeKey: "digest", podVolume: false };

interface Lives {
  ttl: number;
  maxTtl: number;
}

/** Logins of a database whose leases and tokens end as Vault ends them: at their max TTL, whatever is asked for. */
class AgeingVault extends CountingVault {
  lease: Lives = { ttl: hour, maxTtl: 4 * hour };
  token: Lives = { ttl: 24 * hour, maxTtl: 24 * hour };
  renewable = true;
  /** As OpenBao, once the service account token of the login has expired: the controller's live for ten minutes. */
  renewsTokens = true;
  readonly #now: FakeClock;
  readonly #leases = new Map<string, { accessor: string; madeAt: number; endsAt: number }>();
  /** By accessor. */
  readonly #tokens = new Map<string, { madeAt: number; endsAt: number }>();

  constructor(now: FakeClock) {
    super(now);
    this.#now = now;
  }

  /** Whether someone may log in to the database as this user. */
  admits(user: string): boolean {
    const lease = this.#leases.get(user);
    const token = lease && this.#tokens.get(lease.accessor);
    const now = this.#now.monotonic();
    return lease !== undefined && token !== undefined && now < lease.endsAt && now < token.endsAt;
  }

  get users(): string[] {
    return [...this.#leases.keys()].filter((user) => this.admits(user));
  }

  override async login(...args: Parameters<CountingVault["login"]>): Promise<VaultToken> {
    this.grants = [{ ttlMs: this.token.ttl }];
    const token = await super.login(...args);
    const madeAt = this.#now.monotonic();
    this.#tokens.set(token.accessor, { madeAt, endsAt: madeAt + this.token.ttl });
    return token;
  }

  override async request(
    connection: Connection,
    on: { token: VaultToken },
    request: VaultRequest,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<VaultAnswer> {
    const user = `user-${this.#leases.size + 1}`;
    const lease = { id: user, durationMs: this.lease.ttl, renewable: this.renewable };
    this.replies.set(creds.path, { body: { data: { user } }, lease });
    const answer = await super.request(connection, on, request, caller, signal);
    const madeAt = this.#now.monotonic();
    if (answer.lease) this.#leases.set(user, { accessor: on.token.accessor, madeAt, endsAt: madeAt + this.lease.ttl });
    return answer;
  }

  override async renewLease(...args: Parameters<CountingVault["renewLease"]>): Promise<Grant> {
    const lease = this.#leases.get(args[2].reveal())!;
    return this.#extended(await super.renewLease(...args), lease, this.lease.maxTtl);
  }

  override async renewSelf(...args: Parameters<CountingVault["renewSelf"]>): Promise<Grant> {
    if (!this.renewsTokens) throw new VaultError("refused", "service account token has expired");
    return this.#extended(await super.renewSelf(...args), this.#tokens.get(args[1].token.accessor)!, this.token.maxTtl);
  }

  override async revokeSelf(...args: Parameters<CountingVault["revokeSelf"]>): Promise<void> {
    await super.revokeSelf(...args);
    this.#tokens.delete(args[1].token.accessor);
  }

  override async revokeLease(...args: Parameters<CountingVault["revokeLease"]>): Promise<void> {
    await super.revokeLease(...args);
    this.#leases.get(args[2].reveal())!.endsAt = 0;
  }

  #extended(asked: Grant, of: { madeAt: number; endsAt: number }, maxTtl: number): Grant {
    const durationMs = Math.min(asked.durationMs, of.madeAt + maxTtl - asked.requestedAt);
    of.endsAt = asked.requestedAt + durationMs;
    return { ...asked, durationMs };
  }
}

let clock: FakeClock;
let vault: AgeingVault;
let credentials: Credentials;
let store: RecordsInMemory;
let events: string[];

beforeEach(() => {
  clock = new FakeClock();
  vault = new AgeingVault(clock);
  store = new RecordsInMemory();
  events = [];
  start();
});

/** A process on the same node, after an earlier one. */
function start(): void {
  credentials = testCredentials({ client: vault, clock, rules, emit: ({ kind }) => events.push(kind) });
  openState(credentials.state, store, store.all(), [sampleConnection()]);
}

async function mount(principal: Partial<Principal> = {}, request = creds): Promise<string> {
  const transaction = credentials.source.begin(samplePrincipal({ ...synced, ...principal }));
  try {
    const [answer] = await readRequests(transaction, [request]);
    const { user } = (answer!.body.reveal() as { data: { user: string } }).data;
    transaction.commit(user);
    return user;
  } finally {
    transaction.end();
    await credentials.journal.settled();
  }
}

/** As in the daemon: what is due is looked for every second, here every five, and what is silent every minute. */
async function pass(ms: number, check = () => {}): Promise<void> {
  for (let passed = 0; passed < ms; passed += 5 * second) {
    await clock.advance(5 * second);
    credentials.tokens.revokeLeaving();
    credentials.renewalLoop.tick(never);
    await credentials.renewalLoop.settled();
    if (passed % minute === 0) credentials.cache.sweep(clock.monotonic());
    check();
  }
}

describe("what a Secret holds is never at its end, until the next Mount brings another", () => {
  test.each<[string, Lives & { renewable?: boolean }, Lives & { renewsTokens?: boolean }, number]>([
    ["leases that live just long enough", { ttl: 22 * minute, maxTtl: 22 * minute }, { ttl: hour, maxTtl: hour }, 22],
    ["leases that renewals extend", { ttl: 30 * minute, maxTtl: 10 * hour }, { ttl: hour, maxTtl: 24 * hour }, 1],
    ["leases with an odd max TTL", { ttl: 25 * minute, maxTtl: 67 * minute }, { ttl: hour, maxTtl: 24 * hour }, 6],
    ["leases that nothing renews", { ttl: hour, maxTtl: hour, renewable: false }, { ttl: hour, maxTtl: hour * 2 }, 10],
    ["tokens that end before their leases", { ttl: 4 * hour, maxTtl: 9 * hour }, { ttl: 22 * minute, maxTtl: hour }, 8],
    [
      "tokens that nothing renews",
      { ttl: hour, maxTtl: 9 * hour },
      { ttl: 24 * minute, maxTtl: hour, renewsTokens: false },
      18,
    ],
  ])("%s", async (_name, { renewable = true, ...lease }, { renewsTokens = true, ...token }, made) => {
    Object.assign(vault, { lease, token, renewable, renewsTokens });
    for (let mounts = 0; mounts < 36; mounts += 1) {
      const user = await mount();
      // A Mount comes late by up to a tenth of the interval.
      await pass(interval + (mounts % 4) * 20 * second, () => expect(vault.admits(user)).toBe(true));
    }
    expect(vault.calls.filter((call) => call === "GET database/creds/app")).toHaveLength(made);
    expect(events).not.toContain("endsUnreplaced");
  });
});

describe("what is not asked for any more", () => {
  test("is renewed through one missed Mount, and revoked after two, by the token of its own", async () => {
    const user = await mount();
    await pass(2 * interval);
    expect([vault.admits(user), vault.revoked]).toEqual([true, []]);
    await pass(interval / 2);
    expect([vault.users, vault.revoked]).toEqual([[], ["accessor-1"]]);
    expect(credentials.tokens.all()).toEqual([]);
    expect([...credentials.cache.volumes()]).toEqual([]);
  });

  test("leaves what another class or namespace asks for", async () => {
    await mount();
    const other = { ownerKey: "key-2" };
    for (let mounts = 0; mounts < 4; mounts += 1) {
      await mount(other);
      await pass(interval);
    }
    expect([vault.revoked, vault.users.length]).toEqual([["accessor-1"], 1]);
  });

  test("is another credential when it is asked for again", async () => {
    const before = await mount();
    await pass(3 * interval);
    expect(await mount()).not.toBe(before);
    expect(vault.users).toHaveLength(1);
  });

  test("counts a Mount that fails as a Mount", async () => {
    const user = await mount();
    for (let mounts = 0; mounts < 4; mounts += 1) {
      await pass(interval);
      await expect(mount({}, { ...creds, path: "kv/data/absent" })).rejects.toThrow();
    }
    expect(vault.admits(user)).toBe(true);
  });
});

describe("a restart", () => {
  test("keeps the credential, and goes on renewing it", async () => {
    const user = await mount();
    for (let mounts = 0; mounts < 6; mounts += 1) {
      await pass(interval);
      start();
      expect(await mount()).toBe(user);
    }
    expect(vault.users).toEqual([user]);
  });

  test("counts the Mounts that were missed before it, and lets one come after it", async () => {
    const user = await mount();
    await pass(2 * interval);
    start();
    await pass(interval);
    expect(vault.admits(user)).toBe(true);
    await pass(interval / 2);
    expect([vault.users, vault.revoked]).toEqual([[], ["accessor-1"]]);
    await credentials.journal.settled();
    expect(store.all()).toEqual([]);
  });

  test("again and again puts off the revocation of what is not asked for by no more than an interval", async () => {
    await mount();
    for (let restarts = 0; restarts < 3; restarts += 1) {
      await pass(interval * 0.7);
      start();
    }
    await pass(interval * 1.2);
    expect(vault.users).toEqual([]);
  });
});

describe("what would end between two Mounts is refused, and given back", () => {
  test.each<[string, Lives, Lives, RegExp]>([
    [
      "a lease",
      { ttl: 20 * minute, maxTtl: hour },
      { ttl: hour, maxTtl: hour },
      /^database\/creds\/app makes a credential that lives 20m, .* at least 22m; give its role a longer TTL, or set a shorter --rotation-poll-interval/,
    ],
    [
      "a token",
      { ttl: hour, maxTtl: hour },
      { ttl: 15 * minute, maxTtl: hour },
      /^the credential of database\/creds\/app ends with the Vault token of role web, which lives 15m, .* token_ttl/,
    ],
  ])("%s", async (_name, lease, token, words) => {
    Object.assign(vault, { lease, token });
    await expect(mount()).rejects.toThrow(words);
    await pass(5 * second);
    expect([vault.users, vault.revoked.length]).toEqual([[], 1]);
  });

  test("and is not created again for every retry of the controller; a longer TTL is seen within five minutes", async () => {
    vault.lease = { ttl: minute, maxTtl: minute };
    for (let attempts = 0; attempts < 50; attempts += 1) {
      await expect(mount()).rejects.toThrow("lives 1m");
      await pass(5 * second);
    }
    expect(vault.calls.filter((call) => call.startsWith("GET"))).toHaveLength(1);
    vault.lease = { ttl: hour, maxTtl: hour };
    await pass(minute);
    expect(vault.admits(await mount())).toBe(true);
  });

  test("what nothing can renew or revoke lives a third longer", async () => {
    const certificate = (expires: number) => ({
      data: { user: "certificate", expiration: new LosslessNumber(String(Math.round(expires / second))) },
    });
    vault.replies.set(issue.path, { body: certificate(clock.wall() + 32 * minute) as never });
    await expect(mount({}, issue)).rejects.toThrow("pki/issue/web makes a credential that lives 32m");
    await pass(5 * minute);
    vault.replies.set(issue.path, { body: certificate(clock.wall() + 34 * minute) as never });
    expect(await mount({}, issue)).toBe("certificate");
  });

  test.each([
    [
      "a child token, as its parent may",
      false,
      /^the credential of auth\/token\/create ends with .* lives 15m, .* 22m/,
    ],
    ["an orphan is not", true, undefined],
  ])("%s", async (_what, orphan, words) => {
    vault.token = { ttl: 15 * minute, maxTtl: hour };
    const create = { ...issue, path: "auth/token/create" };
    const lease_duration = new LosslessNumber("86400");
    vault.replies.set(create.path, { body: { data: { user: "token" }, auth: { lease_duration, orphan } } as never });
    const mounted = mount({}, create);
    await (words ? expect(mounted).rejects.toThrow(words) : expect(mounted).resolves.toBe("token"));
    await clock.advance(0);
    expect(vault.revoked).toEqual(words ? ["accessor-1"] : []);
  });

  test("without the interval nothing is created at all", async () => {
    credentials = testCredentials({ client: vault, clock });
    await expect(mount({}, issue)).rejects.toThrow("may be given it where syncPollInterval is set");
    expect(vault.calls).toEqual([]);
  });
});
