import { expect, test } from "vitest";
import type { VaultRequest } from "../mount/mount-spec.js";
import { Redacted } from "../shared/redacted.js";
import { jwtExpiry } from "../vault/jwt-expiry.js";
import type { VaultToken } from "../vault/vault-client.js";
import { VaultError, type VaultErrorKind } from "../vault/vault-error.js";
import { CountingVault, samplePrincipal } from "../../dev/testing/counting-vault.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { testCredentials } from "../../dev/testing/test-credentials.js";
import { endsAt, isDead } from "./cached-secret.js";
import { readRequests } from "../../dev/testing/read-requests.js";

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const never = new AbortController().signal;
const creds: VaultRequest = { method: "GET", path: "database/creds/app", query: "" };

/** Refuses to renew the token of a login whose service account token has ended, as OpenBao 2.6.4 does. */
class OpenBao extends CountingVault {
  readonly #clock: FakeClock;
  readonly #refusal: VaultError;
  readonly #ends = new WeakMap<VaultToken, number>();

  constructor(clock: FakeClock, refusal: VaultError) {
    super(clock);
    this.#clock = clock;
    this.#refusal = refusal;
  }

  override async login(...args: Parameters<CountingVault["login"]>): Promise<VaultToken> {
    const token = await super.login(...args);
    const { jwt } = args[1] as unknown as { jwt: Redacted<string> };
    this.#ends.set(token, jwtExpiry(jwt) ?? Infinity);
    return token;
  }

  override async renewSelf(...args: Parameters<CountingVault["renewSelf"]>) {
    if (this.#clock.wall() < this.#ends.get(args[1].token)!) return super.renewSelf(...args);
    throw this.#refusal;
  }
}

interface Case {
  server: (clock: FakeClock) => CountingVault;
  /** Of the role's tokens. */
  grantMs: number;
  /** Life of a service account token, and the part of it after which a Mount brings the next. */
  jwtMs: number;
  turnsAfter: number;
}

/** Kubernetes pkg/kubelet/token/token_manager.go: with a fifth of its life left. */
const kubelet = { jwtMs: hour, turnsAfter: 0.8 };
const vault = (clock: FakeClock) => new CountingVault(clock);
const refusing = (kind: VaultErrorKind, status: number) => (clock: FakeClock) =>
  new OpenBao(clock, new VaultError(kind, "canary", { status }));
const openBao = refusing("refused", 403);

/**
 * Half a day of a pod, with a Mount every 90 s: its logins and credentials, and the least that any credential had left at a Mount
 * (whole minutes). What the server does at renewals is learned within the first two hours, which do not count for that.
 */
async function halfDay({ server, grantMs, jwtMs, turnsAfter }: Case) {
  const clock = new FakeClock();
  const client = server(clock);
  client.grants = [{ ttlMs: grantMs }];
  const body = { data: { password: "x" }, mount_type: "database" };
  client.replies.set(creds.path, () => ({ body, lease: { id: `lease ${client.calls.length}`, durationMs: hour } }));
  const credentials = testCredentials({ client, clock, lives: () => true });
  let jwt = new Redacted("");
  let nextJwtAt = 0;
  let leastLeft = Infinity;
  for (let now = 0; now < 12 * hour; now += 10 * second) {
    if (now >= nextJwtAt) {
      nextJwtAt = now + turnsAfter * jwtMs;
      const claims = Buffer.from(JSON.stringify({ exp: (clock.wall() + jwtMs) / 1000 }));
      jwt = new Redacted(`e30.${claims.toString("base64url")}.x`);
    }
    if (now % (90 * second) === 0) {
      const held = [...credentials.cache.entries()].flatMap(({ answer }) => answer ?? []);
      if (now > 2 * hour) leastLeft = Math.min(leastLeft, ...held.map((one) => (isDead(one) ? 0 : endsAt(one) - now)));
      const transaction = credentials.source.begin(samplePrincipal({ jwt }));
      await readRequests(transaction, [creds]);
      transaction.commit("v");
      transaction.end();
    }
    await clock.advance(10 * second);
    credentials.tokens.revokeLeaving();
    credentials.renewalLoop.tick(never);
    await credentials.renewalLoop.settled();
  }
  const count = (wanted: string) => client.calls.filter((call) => call === wanted).length;
  return { logins: count("login web"), made: count(`GET ${creds.path}`), leastLeft: Math.floor(leastLeft / minute) };
}

test.each<[string, Case, { logins: number; made: number; leastLeft: number }]>([
  ["renewed without bound", { server: vault, grantMs: 10 * minute, ...kubelet }, { logins: 1, made: 1, leastLeft: 3 }],
  [
    "renewed while the kubelet's token of an hour is valid",
    { server: openBao, grantMs: 10 * minute, ...kubelet },
    { logins: 15, made: 15, leastLeft: 3 },
  ],
  ["in grants of an hour", { server: openBao, grantMs: hour, ...kubelet }, { logins: 15, made: 15, leastLeft: 12 }],
  [
    "in grants that outlive the token",
    { server: openBao, grantMs: 3 * hour, ...kubelet },
    { logins: 5, made: 5, leastLeft: 20 },
  ],
  [
    "with a token of 8 hours (expirationSeconds: 28800)",
    { server: openBao, grantMs: 10 * minute, jwtMs: 8 * hour, turnsAfter: 0.8 },
    { logins: 2, made: 2, leastLeft: 3 },
  ],
  [
    "with another token of ten minutes at each Mount (tokenRequest.fallback)",
    { server: openBao, grantMs: 20 * minute, jwtMs: 10 * minute, turnsAfter: 0 },
    { logins: 48, made: 48, leastLeft: 5 },
  ],
  [
    "where the next token comes only when the last one ends",
    { server: openBao, grantMs: 20 * minute, jwtMs: hour, turnsAfter: 1 },
    { logins: 12, made: 12, leastLeft: 4 },
  ],
  // Nothing is planned ahead then: each end comes into sight with the refusal.
  [
    "denied by policy from some time on, which says nothing of service account tokens",
    { server: refusing("denied", 403), grantMs: 10 * minute, ...kubelet },
    { logins: 15, made: 15, leastLeft: 2 },
  ],
  [
    "refused for a role that is gone",
    { server: refusing("refused", 500), grantMs: 10 * minute, ...kubelet },
    { logins: 15, made: 15, leastLeft: 2 },
  ],
])("logins and credentials of half a pod's day: %s", async (_what, given, expected) => {
  expect(await halfDay(given)).toEqual(expected);
});
