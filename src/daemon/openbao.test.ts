import { expect, onTestFinished, test } from "vitest";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { startReadyVault, webRole } from "../../dev/testing/ready-vault.js";
import { filesIn, startProvider } from "../../dev/testing/start-provider.js";

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

test("a role with CEL logs in below the jwt mount's own path", async () => {
  const vault = await startReadyVault({ product: "openbao" });
  onTestFinished(() => vault.stop());
  // What OpenBao has at `cel/` of a mount of the method is stood in for by another mount of it there.
  await vault.admin.write("sys/auth/jwt/cel", { type: "jwt" });
  await vault.admin.write("auth/jwt/cel/config", { jwt_validation_pubkeys: [vault.vault.kubernetes.publicKeyPem] });
  const role = { bound_audiences: ["vault"], user_claim: "sub", token_policies: ["web"] };
  await vault.admin.write("auth/jwt/cel/role/web", { role_type: "jwt", ...role });
  const file = `connections: {main: {addresses: ["${vault.address}"], auth: {mount: jwt/cel, method: jwt}}}`;
  const provider = await startProvider({ vault, file, argv: [] });
  const objects = "- {objectName: app, secretPath: kv/data/app, secretKey: password}";
  expect(filesIn(await provider.mount({ objects }))).toEqual({ app: "hunter2" });
  expect(vault.vault.log.to("auth/jwt/cel/login")).toMatchObject([{ status: 200 }]);
});
