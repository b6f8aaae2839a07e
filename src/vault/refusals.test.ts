import { setMaxListeners } from "node:events";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { sampleConnection } from "../../dev/testing/connection.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { type ReadyVault, startReadyVault, webRole } from "../../dev/testing/ready-vault.js";
import { withDatabase } from "../../dev/testing/with-database.js";
import type { VaultMethod } from "../mount/mount-spec.js";
import { Redacted } from "../shared/redacted.js";
import { type LiveVaultClient, createVaultClient } from "./create-vault-client.js";
import type { Caller, VaultLogin, VaultToken } from "./vault-client.js";
import type { VaultErrorKind } from "./vault-error.js";

/**
 * What each refusal of a server comes to, from its answer on the wire to the error that a Mount or a renewal sees; once in front
 * of each product.
 */
const never = new AbortController().signal;
setMaxListeners(0, never);
const isOpenBao = inject("product") === "openbao";
const caller: Caller = { namespace: "shop", pod: "shop/web-0/uid-1", priority: "first-mount" };
const clock = new FakeClock(Date.now());
let ready: ReadyVault;
let client: LiveVaultClient;

beforeAll(async () => {
  ready = await startReadyVault({ clock });
  const { admin } = ready;
  await withDatabase(ready);
  await admin.write("sys/auth/approle", { type: "approle" });
  await admin.write("sys/auth/bare", { type: "kubernetes" });
  await admin.write("auth/bare/role/web", webRole);
  await admin.write("auth/kubernetes/role/elsewhere", { ...webRole, token_bound_cidrs: ["192.0.2.0/24"] });
  await admin.write("auth/kubernetes/role/batch", { ...webRole, token_type: "batch" });
  await admin.write("auth/kubernetes/role/bare", {
    ...webRole,
    token_no_default_policy: true,
    token_policies: ["none"],
  });
  await admin.write("auth/kubernetes/role/few", { ...webRole, token_num_uses: 1 });
  for (const name of ["deleted", "destroyed"]) await admin.putSecret(name, { password: "canary" });
  await admin.request("DELETE", "kv/data/deleted");
  await admin.write("kv/destroy/destroyed", { versions: [1] });
});
afterAll(() => ready.stop());
beforeEach(() => {
  client = createVaultClient({ clock, random: () => 0.01, emit: () => {} });
  return () => client.close();
});
afterEach(() => {
  const { vault } = ready;
  vault.clearFaults();
  vault.kubernetesIsDown = false;
  vault.node.status.sealed = false;
  vault.node.standing = "active";
  vault.cluster.tokens.clientAddress = "127.0.0.1";
  for (const database of vault.databases) database.isDown = false;
});

const connection = () => sampleConnection({ addresses: [{ origin: ready.address }] });

function logIn(change: Partial<VaultLogin> = {}): Promise<VaultToken> {
  const usual = {
    vaultNamespace: "",
    authMount: "kubernetes",
    role: "web",
    serviceAccount: "shop/web",
    audience: "vault",
  };
  return client.login(connection(), { ...usual, jwt: new Redacted(ready.mint()), ...change }, caller, never);
}

interface Reading {
  method?: VaultMethod;
  query?: string;
}

const on = (token: VaultToken) => ({ vaultNamespace: "", token });
const read = (token: VaultToken, path: string, { method = "GET", query = "" }: Reading = {}) =>
  client.request(connection(), on(token), { method, path, query }, caller, never);

async function leased() {
  const token = await logIn();
  const { lease } = await read(token, "database/creds/app");
  return { token, lease: lease! };
}

/** Ends a token as an administrator does. */
async function kill(token: VaultToken): Promise<VaultToken> {
  await ready.admin.write("auth/token/revoke-accessor", { accessor: token.accessor });
  return token;
}

type Row = readonly [what: string, act: () => Promise<unknown>, kind: VaultErrorKind, message: RegExp];

describe("a login is refused", () => {
  const minted = (options: Parameters<ReadyVault["mint"]>[0]) => ({ jwt: new Redacted(ready.mint(options)) });
  const rows: Row[] = [
    ["of a role that is not there", () => logIn({ role: "no one" }), "login_denied", /has no role "no one"/],
    [
      "of another service account",
      () => logIn(minted({ serviceAccount: "other" })),
      "login_denied",
      /bound_service_account_names.*service account name not authorized/,
    ],
    [
      "of another namespace",
      () => logIn(minted({ namespace: "other" })),
      "login_denied",
      /bound_service_account_namespaces.*namespace not authorized/,
    ],
    ["of another audience", () => logIn(minted({ audiences: ["other"] })), "login_denied", /invalid audience \(aud\)/],
    ["by a token that has ended", () => logIn(minted({ seconds: -600 })), "login_denied", /has expired/],
    [
      "by no token",
      () => logIn({ jwt: new Redacted("canary") }),
      "login_denied",
      /permission denied: either the role web/,
    ],
    [
      "while the API server is away",
      () => ((ready.vault.kubernetesIsDown = true), logIn()),
      "login_denied",
      /is the Kubernetes API reachable from Vault/,
    ],
    [
      "from outside the role's networks",
      () => logIn({ role: "elsewhere" }),
      "login_denied",
      /token_bound_cidrs leave this node's address out/,
    ],
    ["at no mount", () => logIn({ authMount: "none" }), "login_denied", /or auth\/none does not exist/],
    [
      "at a mount without configuration",
      () => logIn({ authMount: "bare" }),
      "login_denied",
      /auth\/bare is not configured/,
    ],
    ["at a mount of approle", () => logIn({ authMount: "approle" }), "login_denied", /of another method .*: approle$/],
    ["by a sealed server", () => ((ready.vault.node.status.sealed = true), logIn()), "sealed", /is sealed/],
  ];
  test.each(rows)("%s", expectRefusal);
});

describe("a read is refused", () => {
  const reading =
    (path: string, options: Reading = {}) =>
    async () =>
      read(await logIn(), path, options);
  const rows: Row[] = [
    ["that no policy allows", reading("secret/data/app"), "denied", /^permission denied: GET secret\/data\/app/],
    ["where nothing is", reading("kv/data/none"), "missing", /^nothing at kv\/data\/none$/],
    ["where nothing is, in version 1", reading("kv1/none"), "missing", /^nothing at kv1\/none$/],
    ["of a version that was deleted", reading("kv/data/deleted"), "deleted", /version 1 was deleted at /],
    ["of a version that was destroyed", reading("kv/data/destroyed"), "destroyed", /version 1 was destroyed/],
    ["of a version that never was", reading("kv/data/app", { query: "version=7" }), "missing", /version=7/],
    ["without data/", reading("kv/app"), "refused", /where data\/ stands after the mount's name/],
    [
      "as a list of data/",
      reading("kv/data/app", { method: "LIST" }),
      "refused",
      isOpenBao ? /does not take LIST at kv\/data\/app/ : /where LIST wants metadata\/ after the mount's name/,
    ],
    ["where no engine is", reading("transit/keys/a"), "refused", /^no engine is mounted at transit\/keys\/a$/],
    ["of a role that is not there", reading("database/creds/none"), "refused", /\(400\)/],
    [
      "of a database that is away",
      async () => {
        const token = await logIn();
        for (const database of ready.vault.databases) database.isDown = true;
        return read(token, "database/creds/app");
      },
      "engine",
      /^Vault could not do GET database\/creds\/app \(500\)/,
    ],
    [
      "by a token that was revoked",
      async () => read(await kill(await logIn()), "kv/data/app"),
      "token_invalid",
      /no longer valid/,
    ],
    [
      "by a token whose uses are spent",
      async () => {
        const token = await logIn({ role: "few" });
        await read(token, "kv/data/app");
        return read(token, "kv/data/app");
      },
      "token_invalid",
      /no longer valid/,
    ],
    [
      "from outside the token's networks",
      async () => {
        ready.vault.cluster.tokens.clientAddress = "192.0.2.7";
        const token = await logIn({ role: "elsewhere" });
        ready.vault.cluster.tokens.clientAddress = "127.0.0.1";
        return read(token, "kv/data/app");
      },
      "token_invalid",
      /no longer valid/,
    ],
    [
      "by a quota",
      async () => {
        const token = await logIn();
        await ready.admin.write("sys/quotas/rate-limit/kv1", { path: "kv1/", rate: 0.001, interval: "1h" });
        await read(token, "kv1/app").catch(() => undefined);
        const refused = read(token, "kv1/app");
        await refused.catch(() => undefined);
        await ready.admin.request("DELETE", "sys/quotas/rate-limit/kv1");
        return refused;
      },
      "quota",
      /rate limit or quota of Vault is exceeded \(429\)/,
    ],
  ];
  test.each(rows)("%s", expectRefusal);

  test("and a token without the default policy cannot ask about itself", () =>
    expectRefusal(
      "",
      async () => client.lookupSelf(connection(), on(await logIn({ role: "bare" })), caller, never),
      "denied",
      /^permission denied: GET auth\/token\/lookup-self/,
    ));

  test("and a token that was revoked is told as dead when it asks about itself", () =>
    expectRefusal(
      "",
      async () => client.lookupSelf(connection(), on(await kill(await logIn())), caller, never),
      "token_invalid",
      /no longer valid/,
    ));
});

describe("a renewal is refused", () => {
  const hour = 3_600_000;
  const renewSelf = (token: VaultToken) => client.renewSelf(connection(), on(token), hour, caller, never);
  const renewLease = async (spoil: (held: Awaited<ReturnType<typeof leased>>) => unknown) => {
    const held = await leased();
    await spoil(held);
    return client.renewLease(connection(), on(held.token), held.lease.id, hour, caller, never);
  };
  const rows: Row[] = [
    [
      "of a token that was revoked",
      async () => renewSelf(await kill(await logIn())),
      "token_invalid",
      /no longer valid/,
    ],
    [
      "of a batch token",
      async () => renewSelf(await logIn({ role: "batch" })),
      "refused",
      /does not renew it any further/,
    ],
    [
      "of a token that no policy lets be renewed",
      async () => renewSelf(await logIn({ role: "bare" })),
      "denied",
      /renew-self/,
    ],
    [
      "of a lease whose token was revoked",
      () => renewLease(({ token }) => kill(token)),
      "token_invalid",
      /no longer valid/,
    ],
    [
      "of a lease that was revoked",
      () => renewLease(() => ready.admin.write("sys/leases/revoke-prefix/database/creds/app", {})),
      "lease_gone",
      /has ended or was revoked/,
    ],
    [
      "of a lease whose database is away",
      () => renewLease(() => ready.vault.databases.forEach((database) => (database.isDown = true))),
      "engine",
      /could not renew the lease/,
    ],
    [
      "of a lease at a server that was sealed",
      () => renewLease(() => (ready.vault.node.status.sealed = true)),
      "sealed",
      /is sealed/,
    ],
  ];
  test.each(rows)("%s", expectRefusal);
});

async function expectRefusal(_what: string, act: () => Promise<unknown>, kind: VaultErrorKind, message: RegExp) {
  const error = await clock.during(act()).then(
    () => expect.fail("it was not refused"),
    (reason: unknown) => reason as Error,
  );
  expect(error).toMatchObject({ kind, message: expect.stringMatching(message) as string });
  expect(error.message).not.toContain("canary");
}
