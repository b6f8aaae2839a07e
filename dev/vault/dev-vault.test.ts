import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { request as secureRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FakeClock } from "../testing/fake-clock.js";
import { type ReadyVault, startReadyVault } from "../testing/ready-vault.js";
import { type VaultResponse, ask } from "../testing/vault-contract/ask.js";
import { certificatePem, certify, type Identity, privateKeyPem } from "./certificates.js";
import { startDevVault } from "./dev-vault.js";

let ready: ReadyVault;
let clock: FakeClock;

beforeEach(async () => {
  clock = new FakeClock();
  ready = await startReadyVault({ clock });
});
afterEach(() => ready.stop());

const get = (path: string, token: string, headers = {}) => ask(ready.address, "GET", path, { token, headers });

async function logIn(mount = "kubernetes"): Promise<string> {
  const body = { role: "web", jwt: ready.mint() };
  const { json } = await ask(ready.address, "POST", `auth/${mount}/login`, { body });
  return json!.auth!.client_token;
}

describe("a ready Vault", () => {
  test.each(["", "foo", "v1", "ui/", "v2/kv/data/app"])(
    "has nothing at /%s, which is no path of the API",
    async (path) => {
      const response = await fetch(new URL(path, ready.address), {
        headers: { "x-vault-token": ready.vault.rootToken },
      });
      expect([response.status, await response.text()]).toEqual([404, "404 page not found\n"]);
    },
  );

  const byAge = "the embedded Vault does not delete versions by age";
  const tuning = "the embedded Vault tunes no mounts: mount it with the wanted settings";
  test.each([
    ["GET", "kv/data/app?help=1", {}, "the embedded Vault has no help of paths"],
    ["POST", "sys/mounts/kv/tune", {}, tuning],
    ["POST", "sys/auth/kubernetes/tune", {}, tuning],
    ["POST", "kv/config", { delete_version_after: "1h" }, byAge],
    ["POST", "kv/metadata/app", { delete_version_after: "1h" }, byAge],
    ["PATCH", "kv/metadata/app", { delete_version_after: 3600 }, byAge],
    ["POST", "pki/roles/web", { key_type: "ec" }, "the embedded Vault makes RSA keys only, not ec"],
    ["POST", "transit/keys/app", { type: "rsa-2048" }, "unknown key type rsa-2048"],
    ["POST", "ssh/config/ca", { key_type: "ssh-rsa" }, "the embedded Vault has CAs of key_type ed25519 only"],
  ])("%s %s with %j is refused, rather than done by half", async (method, path, body, error) => {
    for (const type of ["pki", "transit", "ssh"]) await ready.admin.write(`sys/mounts/${type}`, { type });
    const headers = method === "PATCH" ? { "content-type": "application/merge-patch+json" } : {};
    const response = await ask(ready.address, method, path, { token: ready.vault.rootToken, body, headers });
    expect([response.status, response.json!["errors"]]).toEqual([400, [error]]);
  });

  test("lets the pod's service account in and gives it what its policy allows", async () => {
    const token = await logIn();
    expect((await get("kv/data/app", token)).json!.data.data).toEqual({ password: "hunter2" });
    expect((await get("other/app", token)).status).toBe(403);
  });

  test("tells who asked for what", async () => {
    const token = await logIn();
    await get("kv1/app", token, { "x-keymount-pod": "shop/web-0/uid-1" });
    expect(ready.vault.log.to(/login$/)).toHaveLength(1);
    expect(ready.vault.log.to("kv1/app", "GET")).toMatchObject([
      {
        status: 200,
        headers: { "x-keymount-pod": "shop/web-0/uid-1" },
        token: { meta: { service_account_name: "web" } },
      },
    ]);
  });
});

describe("time", () => {
  test("ends tokens, by the clock it was given", async () => {
    const token = await logIn();
    expect(ready.vault.live.tokens).toBe(1);
    await clock.advance(3_599_000);
    expect((await get("kv1/app", token)).status).toBe(200);
    await clock.advance(1_000);
    expect((await get("kv1/app", token)).status).toBe(403);
    expect(ready.vault.live.tokens).toBe(0);
  });

  test("ends leases and their users; renewed ones at their maximum", async () => {
    const { admin, vault } = ready;
    await admin.write("sys/mounts/database", { type: "database" });
    await admin.write("database/config/pg", { connection_url: "host=db user=vault dbname=app", allowed_roles: ["*"] });
    const statement = `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'`;
    const role = { db_name: "pg", creation_statements: [statement], default_ttl: "10m", max_ttl: "15m" };
    await admin.write("database/roles/app", role);
    const { lease_id } = (await get("database/creds/app", vault.rootToken)).json!;
    const renew = () => ask(ready.address, "PUT", "sys/leases/renew", { token: vault.rootToken, body: { lease_id } });

    await clock.advance(9 * 60_000);
    expect((await renew()).json!.lease_duration).toBe(6 * 60);
    expect(vault.live).toMatchObject({ leases: 1, users: 1 });
    await clock.advance(6 * 60_000);
    expect((await renew()).status).toBe(400);
    expect(vault.live).toMatchObject({ leases: 0, users: 0 });
  });

  test("takes a user back later when the database was away", async () => {
    const { admin, vault } = ready;
    await admin.write("sys/mounts/database", { type: "database" });
    await admin.write("database/config/pg", { connection_url: "host=db user=vault dbname=app", allowed_roles: ["*"] });
    const role = { db_name: "pg", creation_statements: ["CREATE ROLE x"], default_ttl: "10m" };
    await admin.write("database/roles/app", role);
    await get("database/creds/app", vault.rootToken);

    vault.databases[0]!.isDown = true;
    await clock.advance(11 * 60_000);
    expect(vault.live).toMatchObject({ leases: 1, users: 1 });
    vault.databases[0]!.isDown = false;
    expect(vault.live).toMatchObject({ leases: 0, users: 0 });
  });

  test("rotates a static user", async () => {
    const { admin, vault } = ready;
    await admin.write("sys/mounts/database", { type: "database" });
    await admin.write("database/config/pg", { connection_url: "host=db user=vault dbname=app", allowed_roles: ["*"] });
    await admin.write("database/static-roles/app", { db_name: "pg", username: "app", rotation_period: "1h" });
    const read = async () => (await get("database/static-creds/app", vault.rootToken)).json!.data;
    const first = await read();
    expect(first).toMatchObject({ username: "app", ttl: 3_600 });
    await clock.advance(90 * 60_000);
    const second = await read();
    expect(second).toMatchObject({ username: "app", ttl: 1_800 });
    expect(second["password"]).not.toBe(first["password"]);
  });

  test("ends a pod's token", async () => {
    const jwt = ready.mint({ seconds: 600 });
    await clock.advance(601_000);
    const response = await ask(ready.address, "POST", "auth/kubernetes/login", { body: { role: "web", jwt } });
    expect(response).toMatchObject({ status: 403, text: '{"errors":["permission denied"]}\n' });
  });
});

describe("in the gap after its leader died, a standby", () => {
  const askIt = async (standing: "leaderless" | "misled"): Promise<VaultResponse> => {
    const node = await ready.vault.startStandby();
    node.standing = standing;
    node.leaderAddress = "http://127.0.0.1:1";
    return ask(node.address, "GET", "kv1/app?x=1", { token: ready.vault.rootToken });
  };

  test("says that there is no leader", async () => {
    const text = '{"errors":["local node not active but active cluster node not found"]}\n';
    expect(await askIt("leaderless")).toMatchObject({ status: 500, text });
  });

  test("or sends to the dead", async () => {
    const response = await askIt("misled");
    expect(response).toMatchObject({
      status: 307,
      text: "",
      headers: { location: "http://127.0.0.1:1/v1/kv1/app?x=1" },
    });
  });
});

test("Vault's community edition has no namespaces: the header has no effect", async () => {
  const token = ready.vault.rootToken;
  expect((await get("kv1/app", token, { "x-vault-namespace": "team" })).status).toBe(200);
});

test("listens on a unix socket as well", async () => {
  const directory = await mkdtemp(join(tmpdir(), "devvault-"));
  const socketPath = join(directory, "vault.sock");
  const vault = await startDevVault({ socketPath });
  const status = await new Promise((resolve, reject) => {
    request({ socketPath, path: "/v1/sys/health" }, (response) => resolve(response.resume().statusCode))
      .on("error", reject)
      .end();
  });
  expect(status).toBe(200);
  await vault.stop();
  await rm(directory, { recursive: true });
});

describe("over TLS", () => {
  const day = 24 * 3_600_000;
  const valid = { dnsNames: [], notBefore: Date.now() - day, notAfter: Date.now() + day };

  async function startSecure({ asksClients }: { asksClients: boolean }) {
    const root = await certify({ ...valid, commonName: "root", ipAddresses: [] });
    const of = (commonName: string) => certify({ ...valid, commonName, ipAddresses: ["127.0.0.1"], issuer: root });
    const pem = (one: Identity) => ({ cert: certificatePem(one), key: privateKeyPem(one, "pkcs8") });
    const [server, client] = await Promise.all([of("vault"), of("keymount")]);
    const ca = certificatePem(root);
    const vault = await startDevVault({ tls: { ...pem(server), ...(asksClients && { ca }) } });
    const ask = (options: object) =>
      new Promise<number | undefined>((resolve, reject) => {
        secureRequest(`${vault.address}/v1/sys/health`, { ca, agent: false, ...options }, (response) =>
          resolve(response.resume().statusCode),
        )
          .on("error", reject)
          .end();
      });
    return { vault, ask, client: pem(client) };
  }

  test("shows its certificate", async () => {
    const { vault, ask: asked } = await startSecure({ asksClients: false });
    expect(await asked({})).toBe(200);
    await expect(asked({ ca: [] })).rejects.toThrow();
    await vault.stop();
  });

  test("asks for one", async () => {
    const { vault, ask: asked, client } = await startSecure({ asksClients: true });
    expect(await asked(client)).toBe(200);
    await expect(asked({})).rejects.toThrow();
    await vault.stop();
  });
});
