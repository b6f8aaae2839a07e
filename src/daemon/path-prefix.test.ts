import { expect, onTestFinished, test } from "vitest";
import { sampleConnection } from "../../dev/testing/connection.js";
import { doctorsReports } from "../../dev/testing/doctor-fixture.js";
import { type PrefixProxy, startPrefixProxy } from "../../dev/testing/prefix-proxy.js";
import { type ReadyVault, startReadyVault } from "../../dev/testing/ready-vault.js";
import { filesIn, startProvider } from "../../dev/testing/start-provider.js";
import { withDatabase } from "../../dev/testing/with-database.js";
import { systemClock } from "../shared/clock.js";
import { Redacted } from "../shared/redacted.js";
import { createVaultClient } from "../vault/create-vault-client.js";
import { CredentialPaths } from "../vault/credential-paths.js";
import type { Caller } from "../vault/vault-client.js";

const objects = "- {objectName: app, secretPath: kv/data/app, secretKey: password}";

/** The embedded Vault as a proxy's path `/eu/vault`; nothing may be asked of the proxy beside it. */
async function behindProxy(): Promise<{ vault: ReadyVault; proxy: PrefixProxy; address: string }> {
  const vault = await startReadyVault();
  onTestFinished(() => vault.stop());
  const proxy = await startPrefixProxy(vault.address, "/eu/vault");
  onTestFinished(async () => {
    await proxy.close();
    expect(proxy.strays).toEqual([]);
  });
  return { vault, proxy, address: `${proxy.origin}/eu/vault` };
}

test("a Mount, from health to secret, goes to the address's prefix", async () => {
  const { vault, address } = await behindProxy();
  const provider = await startProvider({ vault, argv: [`--vault-addr=${address}`] });
  expect(filesIn(await provider.mount({ objects }))).toEqual({ app: "hunter2" });
  expect(vault.vault.log.all.map(({ path }) => path)).toEqual(
    expect.arrayContaining(["auth/kubernetes/login", "kv/data/app"]),
  );
});

test("a class means a connection by its whole address, and is refused with another prefix of the same host", async () => {
  const { vault, address } = await behindProxy();
  const provider = await startProvider({ vault, argv: [`--vault-addr=${address}`] });
  expect(filesIn(await provider.mount({ objects, vaultAddress: `${address}/` }))).toEqual({ app: "hunter2" });
  for (const other of ["/eu", "/eu/vault/x", "/us/vault", "/eu/Vault", ""]) {
    const vaultAddress = address.replace("/eu/vault", other);
    expect(filesIn(await provider.mount({ objects, vaultAddress }))).toMatch(/^PERMISSION_DENIED: no connection lists/);
  }
});

test("the policy judges a path without the prefix", async () => {
  const { vault, address } = await behindProxy();
  const file = `connections: {main: {addresses: ["${address}"], policy: {paths: ["kv/data/*"], deniedPaths: ["eu/*"]}}}`;
  const provider = await startProvider({ vault, argv: [], file });
  expect(filesIn(await provider.mount({ objects }))).toEqual({ app: "hunter2" });
  const beside = "- {objectName: app, secretPath: kv1/app, secretKey: password}";
  expect(filesIn(await provider.mount({ objects: beside }))).toMatch(/^PERMISSION_DENIED: .*kv1\/app/);
});

test("tokens and leases are looked up, renewed and revoked there", async () => {
  const { vault, address } = await behindProxy();
  await withDatabase(vault);
  const connection = sampleConnection({ addresses: [{ origin: address }] });
  const paths = new CredentialPaths();
  const client = createVaultClient({ clock: systemClock, random: () => 0.5, emit: () => {}, paths });
  onTestFinished(() => client.close());
  const caller: Caller = { namespace: "shop", priority: "first-mount" };
  const { signal } = new AbortController();
  const jwt = new Redacted(vault.mint());
  const pod = {
    vaultNamespace: "",
    authMount: "kubernetes",
    role: "web",
    serviceAccount: "shop/web",
    audience: "vault",
  };

  const token = await client.login(connection, { ...pod, jwt }, caller, signal);
  const on = { vaultNamespace: "", token };
  await client.lookupSelf(connection, on, caller, signal);
  const request = { method: "GET", path: "database/creds/app", query: "" } as const;
  const { lease } = await client.request(connection, on, request, caller, signal);
  const minute = { durationMs: 60_000 };
  expect(await client.renewLease(connection, on, lease!.id, 60_000, caller, signal)).toMatchObject(minute);
  expect(await client.renewSelf(connection, on, 60_000, caller, signal)).toMatchObject(minute);
  await client.revokeSelf(connection, on, caller, signal);
  await expect(client.lookupSelf(connection, on, caller, signal)).rejects.toMatchObject({ kind: "token_invalid" });
});

test("doctor finds nothing broken", async () => {
  const { vault, address } = await behindProxy();
  const reports = await doctorsReports([`--vault-addr=${address}`, "--token-file=jwt", "-f", "class.yaml"], {
    files: { jwt: vault.mint(), "class.yaml": classWith(objects) },
  });
  const results = Object.fromEntries(reports.map(({ step, result }) => [step, result]));
  expect(results).toMatchObject({ tcp: "passed", vault: "passed", auth: "passed", login: "passed" });
  expect(JSON.stringify(reports)).not.toContain('"broken"');
});

function classWith(written: string): string {
  return JSON.stringify({
    kind: "SecretProviderClass",
    metadata: { name: "app", namespace: "shop" },
    spec: { provider: "vault", parameters: { roleName: "web", objects: written } },
  });
}
