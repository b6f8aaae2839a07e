import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { createFixture } from "../stack/fixture.js";
import { startEmbeddedOpenBao } from "../stack/server.js";
import { VaultApi } from "../stack/vault-api.js";

const { bao, stack } = await startEmbeddedOpenBao();
const admin = new VaultApi(stack.vault);
await admin.request("POST", "sys/namespaces/team", { seals: { type: "shamir" } });
await admin.request("POST", "team/sys/mounts/secret", { type: "kv", options: { version: "2" } });
await admin.request("POST", "team/sys/auth/kubernetes", { type: "kubernetes" });
await admin.request("POST", "team/auth/kubernetes/config", { kubernetes_host: stack.kubernetes.server });
const config = join(await mkdtemp(join(stack.directory, "bao-")), "config.yaml");
const connection = { addresses: [bao.address], policy: { vaultNamespaces: ["", "team"] } };
const refresh = { driverPollInterval: "1s", refreshInterval: "1s" };
await writeFile(config, stringify({ connections: { main: connection }, ...refresh }));
const { node, app, signal } = await createFixture(
  "bao",
  { driver: "1.6.0", rotationPollInterval: "1s", providers: { vault: { flags: [`--config=${config}`] } } },
  stack,
);

const path = `${app.namespace}/db`;
const objects = [{ objectName: "password", secretPath: `secret/data/${path}`, secretKey: "password" }];

test("files follow a secret, also past a token that was revoked, which OpenBao tells with a bare 403", async () => {
  await app.vault.writeSecret(path, { password: "one" });
  const volume = await app.volume(node, { objects });
  await volume.publish(signal);
  expect(await volume.texts()).toEqual({ password: "one" });
  for (const token of bao.cluster.tokens.all()) if (token.id !== bao.rootToken) bao.cluster.tokens.revoke(token);
  await app.vault.writeSecret(path, { password: "two" });
  await expect.poll(() => publishedTexts(volume), { timeout: 20_000 }).toEqual({ password: "two" });
  expect(bao.log.to("auth/kubernetes/login", "POST")).toHaveLength(2);
  expect(bao.log.to("auth/token/lookup-self")).toEqual([]);
});

test("a login in a namespace is renewed there, a sealed namespace keeps its files", async () => {
  await admin.request("POST", `team/secret/data/${path}`, { data: { password: "team's" } });
  await admin.request("POST", "team/sys/mounts/database", { type: "database" });
  const plugin = { plugin_name: "postgresql-database-plugin", allowed_roles: "*", connection_url: "host=db" };
  await admin.request("POST", "team/database/config/pg", plugin);
  const role = { db_name: "pg", creation_statements: ["CREATE ROLE"], default_ttl: "10s", max_ttl: "1h" };
  await admin.request("POST", "team/database/roles/app", role);
  const rules =
    'path "secret/data/*" { capabilities = ["read"] } path "database/creds/app" { capabilities = ["read"] }';
  await admin.request("PUT", "team/sys/policies/acl/app", { policy: rules });
  await admin.request("POST", `team/auth/kubernetes/role/${app.namespace}`, {
    bound_service_account_names: [app.serviceAccount],
    bound_service_account_namespaces: [app.namespace],
    audience: "vault",
    token_policies: ["app"],
  });
  const user = { objectName: "user", secretPath: "database/creds/app", secretKey: "username" };
  const volume = await app.volume(node, { vaultNamespace: "team", objects: [...objects, user] });
  await volume.publish(signal);
  const first = await volume.texts();
  expect(first).toEqual({ password: "team's", user: expect.stringMatching(/^v-/) as string });
  for (const end = performance.now() + 9_000; performance.now() < end; ) {
    await sleep(1_000);
    expect(await publishedTexts(volume)).toEqual(first);
  }
  const renewals = bao.log.to("sys/leases/renew").map(({ namespace, status }) => `${namespace} ${status}`);
  expect(new Set(renewals)).toEqual(new Set(["team 200"]));

  await admin.request("PUT", "sys/namespaces/team/seal");
  expect(await publishedTexts(volume)).toEqual(first);
  const late = await app.volume(node, { vaultNamespace: "team", objects });
  await expect(late.publish(signal)).rejects.toThrow(/the Vault namespace team is sealed/);
  const other = await app.volume(node, { objects });
  await other.publish(signal);
}, 60_000);

async function publishedTexts(volume: Awaited<ReturnType<typeof app.volume>>): Promise<Record<string, string>> {
  await volume.publish(signal);
  return volume.texts();
}
