import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { keyOfChosenCurve } from "../../../dev/testing/chosen-curve.js";
import { threadCpuMs } from "../../../dev/testing/thread-cpu.js";
import { der, integer, octets, oid, sequence } from "../../render/der.js";
import { readPrivateKey } from "./private-key.js";

const pkcs8 = { type: "pkcs8", format: "der" } as const;
const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;

test.each<[string, Buffer, string, string]>([
  ["RSA, PKCS#8", rsa.export(pkcs8), "rsa", "PRIVATE KEY"],
  ["RSA, PKCS#1", rsa.export({ type: "pkcs1", format: "der" }), "rsa", "RSA PRIVATE KEY"],
  [
    "RSASSA-PSS",
    generateKeyPairSync("rsa-pss", { modulusLength: 1024 }).privateKey.export(pkcs8),
    "rsa-pss",
    "PRIVATE KEY",
  ],
  ["EC, PKCS#8", ec.export(pkcs8), "ec", "PRIVATE KEY"],
  ["EC, SEC 1", ec.export({ type: "sec1", format: "der" }), "ec", "EC PRIVATE KEY"],
  ["Ed25519", generateKeyPairSync("ed25519").privateKey.export(pkcs8), "ed25519", "PRIVATE KEY"],
  ["Ed448", generateKeyPairSync("ed448").privateKey.export(pkcs8), "ed448", "PRIVATE KEY"],
  ["X25519", generateKeyPairSync("x25519").privateKey.export(pkcs8), "x25519", "PRIVATE KEY"],
])("a key of %s is read", (_what, bytes, kind, label) => {
  expect(readPrivateKey(bytes)).toMatchObject({ label, key: { asymmetricKeyType: kind } });
});

const content = rsa.export({ type: "pkcs1", format: "der" }).subarray(4);
test.each<[string, Buffer]>([
  [
    "four bytes of length",
    Buffer.concat([Buffer.of(0x30, 0x84, 0, 0, content.length >> 8, content.length & 255), content]),
  ],
  ["an end that is marked", Buffer.concat([Buffer.of(0x30, 0x80), content, Buffer.alloc(2)])],
])("a key with %s, as BER allows, is read", (_what, bytes) => {
  expect(readPrivateKey(bytes)).toBeDefined();
});

const whole = rsa.export(pkcs8);
const ownCurve = generateKeyPairSync("ec", { namedCurve: "P-256", paramEncoding: "explicit" }).privateKey;
const inPieces = sequence(
  integer(0),
  sequence(oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")),
  der(0x24, octets(ec.export({ type: "sec1", format: "der" }))),
);
const encrypted = ec.export({ ...pkcs8, cipher: "aes-256-cbc", passphrase: "x" });
test.each<[string, Buffer]>([
  ["nothing", Buffer.alloc(0)],
  ["one byte", Buffer.of(0x30)],
  ["a length without an end", Buffer.of(0x30, 0x80, 2, 1, 0, 2, 1, 0, 0, 0)],
  ["a length of more bytes than there are", Buffer.of(0x30, 0x83, 1)],
  ["a key without its end", whole.subarray(0, -1)],
  ["a key of an algorithm that is cut off", whole.subarray(0, 12)],
  ["what only begins like a key", sequence(integer(0), integer(1))],
  ["a key that is encrypted", encrypted],
  ["a key of a curve of its own, PKCS#8", ownCurve.export(pkcs8)],
  ["a key of a curve of its own, SEC 1", ownCurve.export({ type: "sec1", format: "der" })],
  ["a key whose octets come in pieces", inPieces],
])("%s is none", (_what, bytes) => {
  expect(readPrivateKey(bytes)).toBeUndefined();
});

/** OpenSSL computes the public key from the private one: 1 s for this one, eight times as much for each doubling. */
test("a DSA key is not read: it costs no more than its bytes", () => {
  const number = der(0x02, Buffer.concat([Buffer.of(0x7f), Buffer.alloc(2_046, 0xff), Buffer.of(0xfd)]));
  const algorithm = sequence(oid("1.2.840.10040.4.1"), sequence(number, number, integer(2)));
  const key = sequence(integer(0), algorithm, octets(number));
  const before = threadCpuMs();
  expect(readPrivateKey(key)).toBeUndefined();
  expect(threadCpuMs() - before).toBeLessThan(100);
});

/** OpenSSL takes a tenth of a second for it. */
test("a key of a curve that its writer has chosen is not read: it costs no more than its bytes", () => {
  const before = threadCpuMs();
  for (let times = 0; times < 10; times += 1) expect(readPrivateKey(keyOfChosenCurve)).toBeUndefined();
  expect(threadCpuMs() - before).toBeLessThan(100);
});
