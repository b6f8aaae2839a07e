import { X509Certificate, createPrivateKey, generateKeyPairSync } from "node:crypto";
import forge from "node-forge";
import { describe, expect, test } from "vitest";
import { makeIdentity } from "../../dev/testing/certificates.js";
import { keystore } from "./keystore.js";
import type { KeystoreTask } from "./tasks.js";

const root = makeIdentity({ commonName: "root", isCa: true, keyType: "rsa" });
const leaf = makeIdentity({ commonName: "web", by: root, keyType: "rsa" });
const chain = { key: leaf.key, certificate: leaf.cert, issuer: root.cert };

function task(changes: Partial<KeystoreTask> = {}): KeystoreTask {
  return {
    kind: "keystore",
    key: chain.key,
    certificates: [chain.certificate, chain.issuer],
    password: "pass'word \\",
    alias: "web",
    legacy: false,
    ...changes,
  };
}

/** What another implementation reads in it; throws where the MAC or the password is wrong. */
function read(bytes: Buffer, password = task().password) {
  const asn1 = forge.asn1.fromDer(bytes.toString("binary"));
  const store = forge.pkcs12.pkcs12FromAsn1(asn1, password);
  const bags = store.safeContents.flatMap(({ safeBags }) => safeBags);
  const pem = (bag: forge.pkcs12.Bag) => (bag.cert ? forge.pki.certificateToPem(bag.cert) : "");
  return {
    key: bags.find(({ key }) => key)?.key,
    certificates: bags.filter(({ cert }) => cert).map((bag) => new X509Certificate(pem(bag)).fingerprint256),
    names: bags.flatMap(({ attributes }) => (attributes as { friendlyName?: string[] }).friendlyName ?? []),
    keyIds: bags.flatMap(({ attributes }) => (attributes as { localKeyId?: string[] }).localKeyId ?? []),
  };
}

describe.each([
  ["aes", false],
  ["legacy", true],
])("%s", (_, legacy) => {
  test("holds the key, its certificate and the chain, tied together under the alias", () => {
    const { key, certificates, names, keyIds } = read(keystore(task({ legacy })));
    const pem = forge.pki.privateKeyToPem(key!);
    const same = (text: string) => createPrivateKey(text).export({ type: "pkcs8", format: "der" }).toString("base64");
    expect(same(pem)).toBe(same(chain.key));
    expect(certificates).toEqual(
      [chain.certificate, chain.issuer].map((one) => new X509Certificate(one).fingerprint256),
    );
    expect(names).toEqual(["web", "web"]);
    expect(keyIds).toHaveLength(2);
    expect(keyIds[0]).toBe(keyIds[1]);
  });

  test("cannot be read with another password", () => {
    expect(() => read(keystore(task({ legacy })), "other")).toThrow("MAC could not be verified");
  });

  test("nothing of key or certificate is in the open", () => {
    const bytes = keystore(task({ legacy }));
    const secret = createPrivateKey(chain.key).export({ type: "pkcs8", format: "der" });
    expect(bytes.includes(secret.subarray(40, 72))).toBe(false);
    expect(bytes.includes(new X509Certificate(chain.certificate).raw.subarray(40, 72))).toBe(false);
  });
});

test("without a key every certificate is an entry of its own", () => {
  const { key, certificates, names, keyIds } = read(keystore({ ...without(task(), "key"), alias: "ca" }));
  expect(key).toBeUndefined();
  expect(certificates).toHaveLength(2);
  expect(names).toEqual(["ca", "ca-2"]);
  expect(keyIds).toEqual([]);
});

describe("equal input gives equal bytes, and nothing else does", () => {
  const other = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  }).privateKey;
  test("the same", () => expect(keystore(task())).toEqual(keystore(task())));
  test.each<[string, Partial<KeystoreTask>]>([
    ["password", { password: "other" }],
    ["alias", { alias: "other" }],
    ["chain", { certificates: [chain.certificate] }],
    ["key", { key: other }],
    ["encryption", { legacy: true }],
  ])("another %s", (_, change) => expect(keystore(task(change))).not.toEqual(keystore(task())));

  test("the salts tell nothing of the password", () => {
    const salts = (password: string) => {
      const bytes = keystore({ ...without(task(), "key"), password });
      const [, , mac] = forge.asn1.fromDer(bytes.toString("binary")).value as forge.asn1.Asn1[];
      return (mac!.value as forge.asn1.Asn1[])[1]!.value;
    };
    expect(salts("one")).toBe(salts("two"));
  });
});

function without<T extends object, K extends keyof T>(from: T, field: K): Omit<T, K> {
  const { [field]: _, ...rest } = from;
  return rest;
}
