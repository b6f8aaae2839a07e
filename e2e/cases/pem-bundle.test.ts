import { X509Certificate, createPrivateKey } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { driverVersions } from "../stack/csi-driver.js";
import { eventually } from "../stack/eventually.js";
import type { KubeObject } from "../stack/kube-api.js";
import { createFixture } from "../stack/fixture.js";

interface TlsSecret extends KubeObject {
  type: string;
  data: Record<string, string>;
}

const certificatesIn = (pem: string) =>
  (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
    (cert) => new X509Certificate(cert),
  );

const namesIn = (pem: string) => certificatesIn(pem).map(({ subject }) => subject);

/** What any server wants of its files. */
function expectToFit(pem: string, key: string): void {
  const [leaf, ...chain] = certificatesIn(pem);
  expect(leaf!.checkPrivateKey(createPrivateKey(key))).toBe(true);
  chain.reduce((issued, issuer) => {
    expect(issued.verify(issuer.publicKey)).toBe(true);
    return issuer;
  }, leaf!);
}

describe.each(driverVersions)("driver %s", async (driver) => {
  const { node, app, signal } = await createFixture("pem", { driver, rotationPollInterval: "1s" });
  const { kube, namespace, vault } = app;
  const [root, pki, role] = [`root-${namespace}`, `pki-${namespace}`, `${namespace}-pki`];
  const chain = ["CN=web.shop.test", "CN=intermediate", "CN=root"];

  beforeAll(async () => {
    for (const mount of [root, pki]) {
      await vault.request("POST", `sys/mounts/${mount}`, { type: "pki", config: { max_lease_ttl: "8760h" } });
    }
    const own = { common_name: "root", ttl: "8760h" };
    const { data: top } = await vault.request("POST", `${root}/root/generate/internal`, own);
    const { data: asking } = await vault.request("POST", `${pki}/intermediate/generate/internal`, {
      common_name: "intermediate",
    });
    const body = { csr: asking["csr"], ttl: "8000h" };
    const { data: signed } = await vault.request("POST", `${root}/root/sign-intermediate`, body);
    const certificate = [signed["certificate"], top["certificate"]].join("\n");
    await vault.request("POST", `${pki}/intermediate/set-signed`, { certificate });
    for (const [name, kind] of Object.entries({ ec: { key_bits: 256 }, rsa: { key_bits: 2048 }, ed25519: {} })) {
      const any = { allow_any_name: true, max_ttl: "2h", no_store: true };
      await vault.request("POST", `${pki}/roles/${name}`, { ...any, key_type: name, ...kind });
    }
    const path = (of: string) => `path "${of}" { capabilities = ["create", "read", "update"] }`;
    await vault.writePolicy(role, [path(`${pki}/*`), path(`secret/data/${namespace}/*`)].join("\n"));
    const serviceAccounts = [app.serviceAccount];
    await vault.writeRole(role, { namespaces: [namespace], serviceAccounts, policies: [role], audience: "vault" });
  });

  const issue = (args: object, keyType = "ec") => ({
    secretPath: `${pki}/issue/${keyType}`,
    method: "PUT",
    secretArgs: { common_name: "web.shop.test", ttl: "1h", ...args },
    format: "pem-bundle",
  });

  async function mounted(objects: readonly object[]): Promise<Record<string, string>> {
    const volume = await app.volume(node, { roleName: role, objects });
    await volume.publish(signal);
    return volume.texts();
  }

  test.each<[string, string, object]>([
    ["as it comes", "ec", {}],
    ["of RSA", "rsa", {}],
    ["of Ed25519", "ed25519", {}],
    ["with its key as PKCS#8", "ec", { private_key_format: "pkcs8" }],
    ["as DER", "ec", { format: "der" }],
    ["of RSA as DER", "rsa", { format: "der" }],
    ["as DER with its key as PKCS#8", "rsa", { format: "der", private_key_format: "pkcs8" }],
    ["that Vault has bundled already", "ec", { format: "pem_bundle" }],
    ["that Vault has bundled, with its key as PKCS#8", "rsa", { format: "pem_bundle", private_key_format: "pkcs8" }],
  ])("a certificate %s is one bundle of key, certificate and chain", async (_how, keyType, args) => {
    const texts = await mounted([{ objectName: "tls.pem", ...issue(args, keyType) }]);
    const pem = texts["tls.pem"]!;

    expect(pem).toMatch(/^-----BEGIN ([A-Z]+ )?PRIVATE KEY-----\n/);
    expect(pem.match(/PRIVATE KEY-----\n/g)).toHaveLength(2);
    expect(pem).toMatch(/^(-----BEGIN [A-Z ]+-----\n([\w+/=]+\n)+-----END [A-Z ]+-----\n){4}$/);
    expect(namesIn(pem)).toEqual(chain);
    expectToFit(pem, pem);
  });

  test("certificate, key and chain are separate files of one issue", async () => {
    const files = {
      "tls.crt": "certificate",
      "tls.key": "private_key",
      "chain.pem": "ca_chain",
      "ca.pem": "issuing_ca",
    };
    const { "tls.pem": pem, ...parts } = await mounted([
      { objectName: "tls.pem", ...issue({}) },
      ...Object.entries(files).map(([objectName, secretKey]) => ({ objectName, secretKey, ...issue({}) })),
    ]);

    expect(pem).toBe(`${parts["tls.key"]}${parts["tls.crt"]}${parts["chain.pem"]}`);
    expect(namesIn(parts["ca.pem"]!)).toEqual(["CN=intermediate"]);
    expectToFit(`${parts["tls.crt"]}${parts["chain.pem"]}`, parts["tls.key"]!);
  });

  test.each(["rsa", "ec"])("a bundle of %s becomes a kubernetes.io/tls Secret, chain and all", async (keyType) => {
    const { data: web } = await vault.request("POST", `${pki}/issue/${keyType}`, {
      common_name: "web.shop.test",
      ttl: "1h",
    });
    const { private_key: key, certificate, ca_chain } = web as Record<string, string> & { ca_chain: string[] };
    await vault.writeSecret(`${namespace}/${keyType}`, {
      "tls.key": key,
      "tls.crt": certificate,
      "ca.crt": ca_chain.join("\n"),
    });
    const objects = [
      { objectName: "tls.pem", secretPath: `secret/data/${namespace}/${keyType}`, format: "pem-bundle" },
    ];
    const data = ["tls.key", "tls.crt"].map((key) => ({ objectName: "tls.pem", key }));
    const secretObjects = [{ secretName: keyType, type: "kubernetes.io/tls", data }];
    const volume = await app.volume(node, { roleName: role, objects }, { secretObjects });
    await volume.publish(signal);

    const metadata = { name: keyType, namespace };
    const made = await eventually(() => kube.get<TlsSecret>({ apiVersion: "v1", kind: "Secret", metadata }), signal);

    const text = (name: string) => Buffer.from(made.data[name]!, "base64").toString();
    expect(made.type).toBe("kubernetes.io/tls");
    expect(namesIn(text("tls.crt"))).toEqual(chain);
    expectToFit(text("tls.crt"), text("tls.key"));
  });

  test("a value that is no PEM is refused by its name, without a word of it", async () => {
    await vault.writeSecret(`${namespace}/wrong`, { certificate: "canary-5f1c" });
    const objects = [{ objectName: "tls.pem", secretPath: `secret/data/${namespace}/wrong`, format: "pem-bundle" }];
    const volume = await app.volume(node, { roleName: role, objects });
    const refused = await volume.publish(signal).then(() => "", String);

    expect(refused).toContain(`tls.pem: certificate at secret/data/${namespace}/wrong is no PEM`);
    expect(refused).not.toContain("canary");
  });
});
