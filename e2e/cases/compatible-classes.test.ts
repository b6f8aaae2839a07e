import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, inject, test } from "vitest";
import { parse, stringify } from "yaml";
import { driverVersions } from "../stack/csi-driver.js";
import { enableDatabaseEngine, startPostgres } from "../stack/postgres.js";
import { createFixture } from "../stack/fixture.js";
import { VaultApi } from "../stack/vault-api.js";

/** As people wrote them for the Go providers. Only the namespace, which the tests make, stands for a variable. */
const classes = {
  vault: `
provider: vault
parameters:
  roleName: "NAMESPACE"
  vaultAddress: https://vault.vault.svc:8200
  vaultCACertPath: /mnt/tls/ca.crt
  vaultTLSClientCertPath: /mnt/tls/client.crt
  vaultTLSClientKeyPath: /mnt/tls/client.key
  vaultKubernetesMountPath: kubernetes
  objects: |
    - objectName: "db-username"
      secretPath: "database/creds/shop"
      secretKey: "username"
    - objectName: "db-password"
      secretPath: "database/creds/shop"
      secretKey: "password"
      filePermission: 0440
    - objectName: "certificate.json"
      secretPath: "pki/issue/shop"
      method: "PUT"
      secretArgs:
        common_name: "web.shop.example"
        ttl: "1h"
    - objectName: "password"
      secretPath: "/v1/secret/data/NAMESPACE/db"
      secretKey: "password"
    - objectName: "key.bin"
      secretPath: "v1/secret/data/NAMESPACE/db"
      secretKey: "key"
      encoding: "base64"
`,
  openbao: `
provider: openbao
parameters:
  baoRoleName: "NAMESPACE"
  openbaoAddress: https://openbao.openbao.svc:8200
  baoCACertPath: /mnt/tls/ca.crt
  openbaoKubernetesMountPath: kubernetes
  audience: shop
  objects: |
    - objectName: "db-username"
      secretPath: "database/creds/shop"
      secretKey: "username"
    - objectName: "db-password"
      secretPath: "database/creds/shop"
      secretKey: "password"
    - objectName: "password"
      secretPath: "secret/data/NAMESPACE/db"
      secretKey: "password"
`,
} as const;

const { directory, logs, vault: access } = inject("stack");
const vault = new VaultApi(access);
const postgres = await startPostgres({ logs }, AbortSignal.timeout(60_000));
afterAll(postgres.stop);
await enableDatabaseEngine(vault, postgres, { name: "shop", ttl: "1h", maxTtl: "2h" });
await vault.request("POST", "sys/mounts/pki", { type: "pki" });
await vault.request("POST", "pki/root/generate/internal", { common_name: "e2e" });
await vault.request("POST", "pki/roles/shop", { allowed_domains: ["shop.example"], allow_subdomains: true });
await vault.writePolicy(
  "shop",
  'path "database/creds/shop" { capabilities = ["read"] }\npath "pki/issue/shop" { capabilities = ["update"] }',
);

const config = join(directory, "compatible.yaml");
await writeFile(
  config,
  stringify({
    connections: {
      main: {
        addresses: [access.address],
        aliases: ["https://vault.vault.svc:8200", "https://openbao.openbao.svc:8200"],
        audiences: ["vault", "shop"],
      },
    },
  }),
);

describe.each(driverVersions)("driver %s", async (driver) => {
  const { node, app, signal } = await createFixture("compatible", {
    driver,
    providers: { vault: { flags: [`--config=${config}`] }, openbao: { flags: [`--config=${config}`] } },
  });
  const key = Buffer.from([1, 2, 255]);
  await app.vault.writeSecret(`${app.namespace}/db`, { password: "hunter2", key: key.toString("base64") });

  async function volumeOf(provider: keyof typeof classes, audience: string) {
    const { parameters } = parse(classes[provider].replaceAll("NAMESPACE", app.namespace)) as {
      parameters: Record<string, string>;
    };
    await app.vault.writeRole(app.namespace, {
      namespaces: [app.namespace],
      serviceAccounts: [app.serviceAccount],
      policies: [app.namespace, "shop"],
      audience,
    });
    return app.volume(node, { roleName: undefined, ...parameters }, { provider });
  }

  test("a class of vault-csi-provider works unmodified", async () => {
    const volume = await volumeOf("vault", "vault");

    await volume.publish(signal);

    const { "certificate.json": certificate, "key.bin": _binary, ...texts } = await volume.texts();
    expect(texts).toMatchObject({ password: "hunter2" });
    expect(JSON.parse(certificate ?? "")).toMatchObject({
      data: { certificate: expect.stringContaining("BEGIN CERT") as string },
    });
    expect(await volume.bytes("key.bin")).toEqual(key);
    expect(await volume.modes()).toMatchObject({ "db-password": "440", password: "644" });
    await expectLogin(texts);
  });

  test("a class of openbao-csi-provider works unmodified", async () => {
    const volume = await volumeOf("openbao", "shop");

    await volume.publish(signal);

    const texts = await volume.texts();
    expect(texts).toMatchObject({ password: "hunter2" });
    await expectLogin(texts);
  });
});

/** The name and the password are of one database user, who may log in. */
async function expectLogin(texts: Record<string, string>): Promise<void> {
  expect(await postgres.sqlAs(texts["db-username"] ?? "", texts["db-password"] ?? "", "select current_user")).toEqual([
    texts["db-username"],
  ]);
}
