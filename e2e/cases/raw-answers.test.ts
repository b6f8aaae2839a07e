import { X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { driverVersions } from "../stack/csi-driver.js";
import { setUpPki } from "../stack/engines.js";
import { createFixture } from "../stack/fixture.js";

describe.each(driverVersions)("driver %s", async (driver) => {
  const { node, app, signal } = await createFixture("raw", { driver });
  const { namespace, vault } = app;
  const [pki, bare, ssh, role] = [`pki-${namespace}`, `bare-${namespace}`, `ssh-${namespace}`, `${namespace}-raw`];

  beforeAll(async () => {
    await vault.request("POST", `sys/mounts/${pki}`, { type: "pki", config: { max_lease_ttl: "8760h" } });
    await vault.request("POST", `sys/mounts/${bare}`, { type: "pki" });
    await vault.request("POST", `sys/mounts/${ssh}`, { type: "ssh" });
    await vault.request("POST", `${ssh}/config/ca`, { generate_signing_key: true, key_type: "ed25519" });
    await setUpPki(vault, pki);
    const paths = [`${pki}/*`, `${bare}/*`, `${ssh}/*`, `secret/data/${namespace}/*`, `kv1/${namespace}/*`];
    await vault.writePolicy(role, paths.map((path) => `path "${path}" { capabilities = ["read"] }`).join("\n"));
    const serviceAccounts = [app.serviceAccount];
    await vault.writeRole(role, { namespaces: [namespace], serviceAccounts, policies: [role], audience: "vault" });
  });

  const volumeOf = (objects: readonly object[]) => app.volume(node, { roleName: role, objects });

  test("certificates, revocation lists and a public key that Vault answers raw are files as they are", async () => {
    const paths = {
      "ca.der": `${pki}/ca`,
      "ca.pem": `${pki}/ca/pem`,
      "chain.pem": `${pki}/ca_chain`,
      "crl.der": `${pki}/crl`,
      "crl.pem": `${pki}/crl/pem`,
      "cert.pem": `${pki}/cert/ca/raw/pem`,
      "ssh.pub": `${ssh}/public_key`,
    };
    const volume = await volumeOf(
      Object.entries(paths).map(([objectName, secretPath]) => ({ objectName, secretPath })),
    );

    await volume.publish(signal);

    const texts = await volume.texts();
    const { data } = await vault.request("GET", `${pki}/cert/ca`);
    const ca = new X509Certificate(data["certificate"] as string);
    expect(await volume.bytes("ca.der")).toEqual(ca.raw);
    for (const name of ["ca.pem", "cert.pem", "chain.pem"]) {
      expect(new X509Certificate(texts[name]!).fingerprint256).toBe(ca.fingerprint256);
    }
    expect(texts["chain.pem"]!.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(texts["crl.pem"]).toMatch(/^-----BEGIN X509 CRL-----\n/);
    expect((await volume.bytes("crl.der"))[0]).toBe(0x30);
    expect(texts["ssh.pub"]).toMatch(/^ssh-ed25519 /);
  });

  test("an engine without an issuer or a key has nothing, which optional and default allow", async () => {
    const volume = await volumeOf([
      { objectName: "there", secretPath: `${pki}/ca/pem` },
      { objectName: "optional", secretPath: `${bare}/ca/pem`, optional: "true" },
      { objectName: "default", secretPath: `${bare}/ca_chain`, default: "none" },
    ]);
    await volume.publish(signal);
    expect(Object.keys(await volume.texts()).sort()).toEqual(["default", "there"]);

    const strict = await volumeOf([{ objectName: "ca", secretPath: `${bare}/ca/pem` }]);
    await expect(strict.publish(signal)).rejects.toThrow(/nothing at bare-.*\/ca\/pem/);
  });

  test("a key of a raw answer is refused, with the JSON form to read", async () => {
    const volume = await volumeOf([{ objectName: "ca", secretPath: `${pki}/ca_chain`, secretKey: "certificate" }]);
    await expect(volume.publish(signal)).rejects.toThrow(`read ${pki}/cert/ca_chain (secretKey: certificate)`);
  });

  test.each([
    ["a#b", "a#b"],
    ["a%23c", "a#c"],
    ["a%3Fb", "a?b"],
    ["a%5Cb", "a\\b"],
    ["100%25", "100%"],
    ["a%20b", "a b"],
    ["a%2520b", "a%20b"],
    ["b%C3%BC", "bü"],
  ])("a secret of the path %s is read in both versions of KV", async (written, name) => {
    const keys = { "/a/b": "slash", "a#b": "hash", "~1": "tilde", a: { b: "pointed at" } };
    const sent = `${namespace}/${encodeURIComponent(name)}`;
    await vault.writeSecret(sent, keys);
    await vault.request("POST", `kv1/${sent}`, keys);
    const names = { slash: "/a/b", hash: "a#b", tilde: "~1" };
    const mounts = { v1: `kv1/${namespace}/${written}`, v2: `secret/data/${namespace}/${written}?version=1` };
    const objects = Object.entries(mounts).flatMap(([version, secretPath]) =>
      Object.entries(names).map(([name, secretKey]) => ({ objectName: `${version}-${name}`, secretPath, secretKey })),
    );
    const volume = await volumeOf(objects);

    await volume.publish(signal);

    expect(await volume.texts()).toEqual(
      Object.fromEntries(objects.map(({ objectName }) => [objectName, objectName.slice(3)])),
    );
  });

  test.each(["%2e%2e/%2e%2e/other", "..%2fother", "a%5C..%5Cb", "%252e%252e/x", "%c0%ae%c0%ae/x"])(
    "the path %s never reaches Vault",
    async (written) => {
      const volume = await volumeOf([{ objectName: "x", secretPath: `secret/data/${namespace}/${written}` }]);
      await expect(volume.publish(signal)).rejects.toThrow(/secretPath/);
    },
  );
});
