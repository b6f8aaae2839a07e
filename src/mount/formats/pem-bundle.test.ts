import { X509Certificate, createPrivateKey, generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import type { Json, JsonObject } from "../../shared/json.js";
import { makeIdentity } from "../../../dev/testing/certificates.js";
import { certificateOfChosenCurve } from "../../../dev/testing/chosen-curve.js";
import { pemOf } from "../../../dev/testing/pem.js";
import { threadCpuMs } from "../../../dev/testing/thread-cpu.js";
import { pemBundle, pemPart } from "./pem-bundle.js";

const root = makeIdentity({ commonName: "root", isCa: true });
const intermediate = makeIdentity({ commonName: "intermediate", isCa: true });
const leaf = makeIdentity({ commonName: "web.example.test", keyType: "rsa" });
const trimmed = ({ cert, key }: { cert: string; key: string }) => ({ cert: cert.trim(), key: key.trim() });
const [caPem, midPem, webPem] = [root, intermediate, leaf].map(trimmed) as [typeof leaf, typeof leaf, typeof leaf];
const whole = `${webPem.key}\n${webPem.cert}\n${midPem.cert}\n${caPem.cert}\n`.replaceAll("\r", "");
const oneLine = (pem: string) => pem.replaceAll(/\r?\n/g, " ");
const der = (pem: string) => pem.replace(/-----[^-]+-----/g, "").replace(/\s/g, "");

test.each<[string, JsonObject, string]>([
  [
    "of Vault's PKI: key, certificate, chain",
    { private_key: webPem.key, certificate: webPem.cert, ca_chain: [midPem.cert, caPem.cert], issuing_ca: midPem.cert },
    whole,
  ],
  [
    "with line breaks of Windows, and too many",
    {
      private_key: `${webPem.key}\r\n\r\n`,
      certificate: webPem.cert.replaceAll("\n", "\r\n"),
      ca_chain: [midPem.cert, caPem.cert],
    },
    whole,
  ],
  [
    "without a chain: the issuer",
    { private_key: webPem.key, certificate: webPem.cert, issuing_ca: midPem.cert },
    whole.replace(`${caPem.cert.replaceAll("\r", "")}\n`, ""),
  ],
  [
    "without a key, as pki/sign answers",
    { certificate: webPem.cert, ca_chain: [midPem.cert] },
    `${webPem.cert}\n${midPem.cert}\n`.replaceAll("\r", ""),
  ],
  [
    "that the engine has bundled already: nothing twice, the key first",
    {
      private_key: webPem.key,
      certificate: `${webPem.cert}\n${webPem.key}\n${midPem.cert}`,
      ca_chain: [midPem.cert, caPem.cert],
    },
    whole,
  ],
  [
    "of a TLS Secret's names, from a KV secret",
    { "tls.key": webPem.key, "tls.crt": `${webPem.cert}\n${midPem.cert}`, "ca.crt": caPem.cert },
    whole,
  ],
  [
    "that the engine has bundled with the key in another form: the key once, as asked for",
    {
      private_key: webPem.key,
      certificate: `${createPrivateKey(webPem.key).export({ type: "pkcs1", format: "pem" }).toString()}${webPem.cert}`,
      ca_chain: [midPem.cert, caPem.cert],
    },
    whole,
  ],
  [
    "on one line each, with words between, and a curve's name: as OpenSSL writes it, without the name",
    {
      "tls.key": `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${webPem.key}`,
      "tls.crt": `subject=CN = web\n${oneLine(webPem.cert)}\nissuer\n${oneLine(midPem.cert)} ${caPem.cert}`,
    },
    whole,
  ],
])("a bundle %s", (_what, secret, text) => {
  expect(pemBundle(secret, "pki/issue/web")).toBe(text);
});

test("what is in it can be read", () => {
  const text = pemBundle({ private_key: leaf.key, certificate: leaf.cert, ca_chain: [intermediate.cert] }, "p");
  expect(createPrivateKey(text).type).toBe("private");
  expect(new X509Certificate(text.slice(text.indexOf("-----BEGIN CERT"))).checkPrivateKey(createPrivateKey(text))).toBe(
    true,
  );
  expect(text).not.toMatch(/\n\n|\r|\n$\n/);
});

test("DER in base64 may begin with a byte order mark, and have white space of any kind in it", () => {
  const spaced = `\ufeff${der(webPem.cert).replace(/.{60}/g, "$&\u00a0\v\f \t\r\n")}`;
  expect(pemPart(spaced, "p")).toBe(pemPart(der(webPem.cert), "p"));
});

test("DER, as PKI gives it with format=der, becomes PEM", () => {
  const text = pemBundle(
    { private_key: der(leaf.key), certificate: der(leaf.cert), issuing_ca: der(intermediate.cert) },
    "p",
  );
  expect(createPrivateKey(text).export({ type: "pkcs8", format: "der" })).toEqual(
    createPrivateKey(leaf.key).export({ type: "pkcs8", format: "der" }),
  );
  expect(text.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
});

test.each<[string, Json, string]>([
  ["a list, joined", [midPem.cert, caPem.cert], `${midPem.cert}\n${caPem.cert}\n`],
  ["a text", `  ${webPem.cert}\n`, `${webPem.cert}\n`],
])("a part alone: %s", (_what, value, text) => {
  expect(pemPart(value, "p")).toBe(text.replaceAll("\r", ""));
});

test.each<[string, () => string, RegExp]>([
  [
    "no certificate",
    () => pemBundle({ private_key: "x", other: "y" }, "kv/data/app"),
    /^no certificate \(certificate, tls\.crt\) at kv\/data\/app \(it has: other, private_key\)$/,
  ],
  ["nothing", () => pemBundle({}, "kv/data/app"), /it has: no keys/],
  [
    "no PEM",
    () => pemBundle({ certificate: "canary" }, "kv/data/app"),
    /certificate at kv\/data\/app is no PEM, nor the base64 of DER/,
  ],
  ["base64 of something else", () => pemPart("Y2FuYXJ5", "kv/data/app"), /kv\/data\/app is no PEM/],
  [
    "a certificate that is none",
    () => pemBundle({ certificate: { a: "canary" } }, "kv/data/app"),
    /^certificate at kv\/data\/app is neither text nor a list/,
  ],
  [
    "a key in the certificate's place",
    () => pemBundle({ certificate: webPem.key }, "kv/data/app"),
    /^certificate at kv\/data\/app holds PEM, but no certificate/,
  ],
  [
    "PEM with line breaks written out",
    () => pemPart(webPem.cert.replaceAll(/\r?\n/g, "\\n"), "tls.crt at kv/data/app"),
    /^tls\.crt at kv\/data\/app holds a PEM block CERTIFICATE that cannot be read \(are its line breaks/,
  ],
  [
    "a certificate on a curve of its own",
    () => pemPart(pemOf("CERTIFICATE", certificateOfChosenCurve), "tls.crt at kv/data/app"),
    /^tls\.crt at kv\/data\/app holds a certificate with explicit curve parameters, which RFC 5480 forbids; have it issued/,
  ],
  [
    "a list with a certificate that was cut",
    () => pemPart([midPem.cert, caPem.cert.slice(0, -200)], "ca_chain at p"),
    /^item 1 of ca_chain at p holds a PEM block that does not end/,
  ],
  ["a map", () => pemPart({ a: "b" }, "kv/data/app"), /is neither text nor a list of texts/],
])("%s is refused, without a word of it", (_what, make, message) => {
  expect(make).toThrow(message);
  expect(make).not.toThrow(/canary|Y2Fu/);
});

test("every private key that Vault gives stays as it is", () => {
  const { rsa, ec } = {
    rsa: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey,
    ec: generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
  };
  const { privateKey: ed } = generateKeyPairSync("ed25519");
  const written = [
    rsa.export({ type: "pkcs1", format: "pem" }),
    rsa.export({ type: "pkcs8", format: "pem" }),
    rsa.export({ type: "pkcs1", format: "pem", cipher: "aes-256-cbc", passphrase: "p" }),
    ec.export({ type: "sec1", format: "pem" }),
    ec.export({ type: "pkcs8", format: "pem" }),
    ed.export({ type: "pkcs8", format: "pem" }),
  ].map(String);
  for (const pem of written) {
    const text = pemPart(pem.trim(), "p");
    expect(text).toBe(pem);
    expect(createPrivateKey({ key: text, passphrase: "p" }).type).toBe("private");
  }
  for (const pem of written.filter((text) => !text.includes("Proc-Type"))) expect(pemPart(der(pem), "p")).toBe(pem);
});

test("spaces between the lines of a key with headers are read once", () => {
  const began = threadCpuMs();
  const spaces = `${" ".repeat(200_000)}x\n`;
  const key = (line: string) =>
    `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n${line}${"AAAA \n\n".repeat(2)}-----END RSA PRIVATE KEY-----`;
  expect(pemPart(key(spaces), "p")).toContain(spaces);
  expect(pemPart(key(" \t\n"), "p")).toContain("ENCRYPTED\n\nAAAA\n\nAAAA\n-----END");
  expect(threadCpuMs() - began).toBeLessThan(1_000);
});

test.each<[string, Json]>([
  ["as one text", `${webPem.cert}\n`.repeat(257)],
  ["as a list", Array.from({ length: 257 }, () => webPem.cert)],
  ["as DER", Array.from({ length: 257 }, () => der(webPem.cert))],
])("more than 256 certificates are refused, %s", (_form, certificates) => {
  const says = /holds more than 256 PEM blocks; put some into other files$/;
  expect(() => pemPart(certificates, "p")).toThrow(says);
  expect(() => pemBundle({ certificate: webPem.cert, ca_chain: certificates }, "p")).toThrow(says);
});

test("more than a megabyte of PEM in one file is refused before it is read", () => {
  const block = `-----BEGIN X-----\n${"A".repeat(600_000)}\n-----END X-----\n`;
  expect(() => pemPart(block.repeat(2), "p")).toThrow(
    /holds more than 1048576 bytes of PEM; put some into other files$/,
  );
});

test("only a key may have headers", () => {
  const text = "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END CERTIFICATE-----\n";
  expect(() => pemPart(text, "p")).toThrow(/holds a PEM block CERTIFICATE that cannot be read/);
});

test("a text of blocks that never end is refused at once", () => {
  const began = threadCpuMs();
  expect(() => pemPart("-----BEGIN CERTIFICATE-----\nA".repeat(100_000), "p")).toThrow(/does not end/);
  expect(() => pemPart(`-----BEGIN CERTIFICATE-----${"A-".repeat(1_500_000)}`, "p")).toThrow(/does not end/);
  expect(threadCpuMs() - began).toBeLessThan(2_000);
});
