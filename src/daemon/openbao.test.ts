import { describe, expect, onTestFinished, test } from "vitest";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { startReadyVault, webRole } from "../../dev/testing/ready-vault.js";
import { filesIn, startProvider } from "../../dev/testing/start-provider.js";
import { withDatabase } from "../../dev/testing/with-database.js";
import type { Product } from "../../dev/vault/product.js";
import type { OpenBaoVersion } from "../../dev/vault/release.js";

const minute = 60_000;
const creds = (path: string) => `- {objectName: user, secretPath: ${path}/creds/app, secretKey: username}`;
const secret = (path: string) => `- {objectName: app, secretPath: ${path}/app, secretKey: password}`;

interface Made {
  readonly key_shares: { readonly default: readonly [string] };
}

/** A provider in front of an OpenBao with the namespaces `team` and `team/shop`, each with a database and a secret. */
async function inNamespaces() {
  const clock = new FakeClock(Date.now());
  const vault = await startReadyVault({ clock, product: "openbao" });
  onTestFinished(() => vault.stop());
  const { admin, address } = vault;
  const keys = new Map<string, string>();
  for (const [parent, name] of [["", "team"] as const, ["team/", "shop"] as const]) {
    const made = await admin.request("POST", `${parent}sys/namespaces/${name}`, { seals: { type: "shamir" } });
    keys.set(`${parent}${name}`, (made["data"] as Made).key_shares.default[0]);
    const own = `${parent}${name}`;
    await admin.write(`${own}/sys/mounts/kv`, { type: "kv" });
    await admin.write(`${own}/kv/app`, { password: own });
    await admin.write(`${own}/sys/mounts/database`, { type: "database" });
    const connection = { plugin_name: "postgresql-database-plugin", allowed_roles: "*", connection_url: "host=db" };
    await admin.write(`${own}/database/config/pg`, connection);
    const role = { db_name: "pg", creation_statements: ["CREATE ROLE"], default_ttl: "1h", max_ttl: "24h" };
    await admin.write(`${own}/database/roles/app`, role);
    const policy = 'path "+/*" { capabilities = ["read"] }';
    await admin.write(`${own}/sys/policies/acl/web`, { policy });
    await admin.write(`${own}/sys/auth/kubernetes`, { type: "kubernetes" });
    await admin.write(`${own}/auth/kubernetes/config`, { kubernetes_host: "https://127.0.0.1:6443" });
    await admin.write(`${own}/auth/kubernetes/role/web`, webRole);
  }
  const file = `connections: {main: {addresses: ["${address}"], policy: {vaultNamespaces: ["", team, team/shop]}}}`;
  const provider = await startProvider({ vault, clock, file, argv: [] });
  return {
    provider,
    vault,
    admin,
    clock,
    keyOf: (name: string) => keys.get(name),
    log: vault.vault.log,
    live: () => vault.vault.live,
  };
}

const byHeader = { vaultNamespace: "team", objects: `${creds("database")}\n${secret("kv")}` };
const byPath = { objects: `${creds("team/database")}\n${secret("team/kv")}` };

/** What a role of the root namespace needs for paths through `team`. */
const through = (...more: string[]) =>
  ["team/database/creds/app", "team/kv/app"].map((path) => `path "${path}" { capabilities = ["read"] }`).join("\n") +
  more.map((path) => `\npath "${path}" { capabilities = ["update"] }`).join("");

test.each([
  ["the header", byHeader, "", "team", "sys/leases/renew"],
  ["the path, where policy lets the token renew there", byPath, "team/sys/leases/renew", "", "team/sys/leases/renew"],
])("a lease of a namespace by %s is renewed, and the login stays", async (_, parameters, renewable, header, path) => {
  const { provider, admin, clock, log, live } = await inNamespaces();
  await admin.write("sys/policies/acl/web", { policy: through(...(renewable ? [renewable] : [])) });
  const first = filesIn(await provider.mount(parameters));
  expect(first).toEqual({ user: expect.stringMatching(/^v-kubernet-app-/) as string, app: "team" });
  log.clear();
  for (let passed = 0; passed < 90; passed += 1) await clock.advance(minute);
  expect(filesIn(await provider.mount(parameters))).toEqual(first);
  const renewals = log.to(/leases\/renew$/);
  expect(new Set(renewals.map((one) => `${one.namespace}|${one.path}|${one.status}`))).toEqual(
    new Set([`${header}|${path}|200`]),
  );
  expect(live()).toMatchObject({ tokens: 1, leases: 1, users: 1 });
});

test("a lease by a path whose renewal no policy allows is replaced, and the log names the path", async () => {
  const { provider, admin, clock } = await inNamespaces();
  await admin.write("sys/policies/acl/web", { policy: through() });
  const first = filesIn(await provider.mount(byPath)) as Record<string, string>;
  const seen = new Set<string>();
  for (let passed = 0; passed < 90; passed += 1) {
    await clock.advance(minute);
    const { user } = filesIn(await provider.mount(byPath)) as Record<string, string>;
    seen.add(user!);
  }
  expect([...seen]).toEqual([first["user"], expect.any(String)]);
  expect(provider.logText()).toContain("permission denied: POST team/sys/leases/renew");
});

test("a namespace that is unsealed is served within half a minute", async () => {
  const { provider, admin, clock, keyOf } = await inNamespaces();
  const parameters = { vaultNamespace: "team", objects: secret("kv") };
  await admin.request("PUT", "sys/namespaces/team/seal");
  expect(filesIn(await provider.mount(parameters))).toMatch(/Vault namespace team is sealed/);
  await admin.request("PUT", "sys/namespaces/team/unseal", { key: keyOf("team") });
  await clock.advance(30_000);
  expect(filesIn(await provider.mount(parameters))).toEqual({ app: "team" });
});

const absent = /Vault namespace team\/shop is not there \(deleted, or a parent of it is sealed\)/;

test.each<[string, string, [method: string, path: string], RegExp]>([
  ["sealed", "team", ["PUT", "sys/namespaces/team/seal"], /Vault namespace team is sealed/],
  [
    "locked",
    "team",
    ["POST", "sys/namespaces/api-lock/lock/team"],
    /Vault namespace team is locked by an administrator/,
  ],
  ["a child of one that is sealed", "team/shop", ["PUT", "sys/namespaces/team/seal"], absent],
  ["deleted", "team/shop", ["DELETE", "team/sys/namespaces/shop"], absent],
])(
  "a namespace that is %s is told so; what is held is served, and the root namespace is not affected",
  async (_, own, how, message) => {
    const { provider, admin, clock } = await inNamespaces();
    const parameters = { vaultNamespace: own, objects: `${secret("kv")}` };
    expect(filesIn(await provider.mount(parameters))).toEqual({ app: own });
    await admin.request(...how);
    await clock.advance(3 * minute);
    expect(filesIn(await provider.mount(parameters))).toEqual({ app: own });
    const other = { pod: { namespace: "shop", name: "web-1", uid: "uid-2", serviceAccount: "web" } };
    expect(filesIn(await provider.mount(parameters, { ...other, tokens: tokensOf(provider, other.pod) }))).toMatch(
      message,
    );
    expect(filesIn(await provider.mount({ objects: secret("kv/data") }))).toEqual({ app: "hunter2" });
  },
);

function tokensOf(
  { vault }: { vault: { mint: (options: { pod: { name: string; uid: string } }) => string } },
  { name, uid }: { name: string; uid: string },
) {
  return { vault: { token: vault.mint({ pod: { name, uid } }), expirationTimestamp: "2100-01-01T00:00:00Z" } };
}

const objects = secret("kv/data");

test.each<[string, string, Record<string, string> | RegExp]>([
  ["gives policies", 'pb.Auth{policies: ["web"]}', { app: "hunter2" }],
  [
    "refuses the service account",
    "false",
    /the CEL program of the role web at auth\/jwt\/cel lets no such service account in/,
  ],
])("a role whose CEL program %s logs in below the jwt mount's own path", async (_, expression, outcome) => {
  const vault = await startReadyVault({ product: "openbao" });
  onTestFinished(() => vault.stop());
  await vault.admin.write("sys/auth/jwt", { type: "jwt" });
  await vault.admin.write("auth/jwt/config", { jwt_validation_pubkeys: [vault.vault.kubernetes.publicKeyPem] });
  await vault.admin.request("POST", "auth/jwt/cel/role/web", {
    bound_audiences: ["vault"],
    cel_program: { expression },
  });
  const file = `connections: {main: {addresses: ["${vault.address}"], auth: {mount: jwt/cel, method: jwt}}}`;
  const provider = await startProvider({ vault, file, argv: [] });
  expect(filesIn(await provider.mount({ objects }))).toEqual(
    outcome instanceof RegExp ? expect.stringMatching(outcome) : outcome,
  );
  expect(vault.vault.log.to("auth/jwt/cel/login")).toHaveLength(1);
});

test.each<[Product, string, Record<string, string> | RegExp]>([
  ["vault", "serviceaccount_uid", { app: "hunter2" }],
  ["vault", "serviceaccount_name", { app: "hunter2" }],
  ["openbao", "serviceaccount_uid", { app: "hunter2" }],
  // A name is `shop/web`: what OpenBao refuses a whole token for.
  ["openbao", "serviceaccount_name", /Vault could not do GET kv\/data\/.+ \(500\); .*Vault's log has the reason/],
])("%s fills a policy's template with an alias by %s", async (product, source, outcome) => {
  const vault = await startReadyVault({ product });
  onTestFinished(() => vault.stop());
  const { admin } = vault;
  const { data } = await admin.request("GET", "sys/auth");
  const { accessor } = (data as Record<string, { accessor: string }>)["kubernetes/"]!;
  const own = `path "kv/data/{{identity.entity.aliases.${accessor}.name}}/*" { capabilities = ["read"] }`;
  await admin.write("sys/policies/acl/web", { policy: own });
  await admin.write("auth/kubernetes/role/web", { ...webRole, alias_name_source: source });
  const claims = JSON.parse(Buffer.from(vault.mint().split(".")[1]!, "base64url").toString()) as {
    "kubernetes.io": { serviceaccount: { uid: string } };
  };
  const alias = source === "serviceaccount_name" ? "shop/web" : claims["kubernetes.io"].serviceaccount.uid;
  await admin.putSecret(`${alias}/app`, { password: "hunter2" });
  const provider = await startProvider({ vault });
  expect(filesIn(await provider.mount({ objects: secret(`kv/data/${alias}`) }))).toEqual(
    outcome instanceof RegExp ? expect.stringMatching(outcome) : outcome,
  );
});

test.each<Product>(["vault", "openbao"])(
  "where %s sees the node at an address outside the role's networks, files stay, and a new pod is told what it may be",
  async (product) => {
    const clock = new FakeClock(Date.now());
    const vault = await startReadyVault({ clock, product });
    onTestFinished(() => vault.stop());
    await vault.admin.write("auth/kubernetes/role/web", { ...webRole, token_bound_cidrs: ["127.0.0.0/8"] });
    const provider = await startProvider({ vault, clock });
    expect(filesIn(await provider.mount({ objects }))).toEqual({ app: "hunter2" });
    vault.vault.cluster.tokens.clientAddress = "192.0.2.7";
    await clock.advance(3 * minute);
    expect(filesIn(await provider.mount({ objects }))).toEqual({ app: "hunter2" });
    const pod = { namespace: "shop", name: "web-1", uid: "uid-2", serviceAccount: "web" };
    expect(filesIn(await provider.mount({ objects }, { pod, tokens: tokensOf(provider, pod) }))).toMatch(
      /permission denied: either .*, or its token_bound_cidrs leave this node's address out, or auth\/kubernetes/,
    );
    vault.vault.cluster.tokens.clientAddress = "127.0.0.1";
    await clock.advance(3 * minute);
    await vault.admin.putSecret("app", { password: "new" });
    await clock.advance(3 * minute);
    expect(filesIn(await provider.mount({ objects }))).toEqual({ app: "new" });
  },
);

describe("a database login in front of OpenBao", () => {
  async function withLogin(version: OpenBaoVersion, standby: boolean) {
    const clock = new FakeClock(Date.now());
    const vault = await startReadyVault({ clock, product: "openbao", version });
    onTestFinished(() => vault.stop());
    await withDatabase(vault);
    const addresses = [...(standby ? [(await vault.vault.startStandby()).address] : []), vault.address];
    const file = `connections: {main: {addresses: ${JSON.stringify(addresses)}}}`;
    const provider = await startProvider({ vault, clock, file, argv: [] });
    let sent = { jwt: vault.mint(), at: clock.wall() };
    /** As the kubelet sends them: a token of an hour, and the next when a fifth of that is left. */
    const mount = async () => {
      if (clock.wall() - sent.at >= 48 * minute) sent = { jwt: vault.mint(), at: clock.wall() };
      const tokens = { vault: { token: sent.jwt, expirationTimestamp: "2100-01-01T00:00:00Z" } };
      return (filesIn(await provider.mount({ objects: creds("database") }, { tokens })) as { user: string }).user;
    };
    /** The users of a file that is republished every other minute, in order; each must be there at that moment. */
    async function usersFor(minutes: number): Promise<string[]> {
      const seen = new Set<string>();
      for (let passed = 0; passed < minutes; passed += 2) {
        const user = await mount();
        expect(vault.vault.databases[0]!.users).toContain(user);
        seen.add(user);
        await clock.advance(2 * minute);
      }
      return [...seen];
    }
    return { vault, provider, usersFor };
  }

  test.each<[OpenBaoVersion, number]>([
    ["2.6.2", 1],
    // The service account token of a login lives for an hour, and so does the login from then on.
    ["2.6.4", 4],
  ])("of %s lives on past its service account token, or is replaced before it ends", async (version, users) => {
    const { usersFor, vault } = await withLogin(version, false);
    expect(await usersFor(200)).toHaveLength(users);
    expect(vault.vault.live).toMatchObject({ tokens: 1, leases: 1, users: 1 });
  });

  test.each<[OpenBaoVersion, number]>([
    ["2.6.1", 500],
    ["2.6.2", 200],
  ])(
    "at a standby of %s is renewed, by the active node where the standby forwards nothing",
    async (version, status) => {
      const { usersFor, vault, provider } = await withLogin(version, true);
      expect(await usersFor(90)).toHaveLength(1);
      const renewals = vault.vault.log.to("sys/leases/renew").map((request) => request.status);
      expect(renewals[0]).toBe(status);
      expect(renewals.at(-1)).toBe(200);
      expect(provider.logText()).not.toMatch(/what its engine talks to may be down/);
    },
  );
});
