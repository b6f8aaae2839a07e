import {
  type KeyObject,
  X509Certificate,
  createCipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  hkdfSync,
  pbkdf2Sync,
} from "node:crypto";
import { bmp, explicit, implicitOctets, integer, nothing, octets, oid, sequence, setOf } from "./der.js";
import type { KeystoreTask } from "./tasks.js";
import { type Derivation, pkcs12Key } from "./pkcs12-key.js";

/** As Java 17 makes them; what can only read the legacy form is slow as well. */
const iterations = { aes: 10_000, legacy: 2_048 };

/**
 * A PKCS #12 file (RFC 7292) of a private key with its certificate and chain, or without a key a trust store, each
 * certificate an entry of its own. Written here because node-forge, which could, knows RSA keys only, leaves certificates in
 * the open, and has SHA-1 for a MAC.
 *
 * Equal input gives equal bytes: salts are derived from the private key, or without one from the certificates. The
 * password has no part in them, for a salt is public and would tell a guess right or wrong at once.
 */
export function keystore(task: KeystoreTask): Buffer {
  const certificates = task.certificates.map((pem) => new X509Certificate(pem));
  const key = task.key === undefined ? undefined : createPrivateKey(task.key);
  const lock = lockOf(task, certificates, key);
  const contents = [encrypted(lock("certificates"), sequence(...certificateBags(certificates, task)))];
  if (key) contents.push(data(sequence(keyBag(lock("key"), key, certificates[0]!, task))));
  const safe = sequence(...contents);
  return sequence(integer(3), data(safe), mac(safe, task, lock("mac")));
}

const oids = {
  data: oid("1.2.840.113549.1.7.1"),
  encryptedData: oid("1.2.840.113549.1.7.6"),
  shroudedKeyBag: oid("1.2.840.113549.1.12.10.1.2"),
  certificateBag: oid("1.2.840.113549.1.12.10.1.3"),
  x509: oid("1.2.840.113549.1.9.22.1"),
  friendlyName: oid("1.2.840.113549.1.9.20"),
  localKeyId: oid("1.2.840.113549.1.9.21"),
  /** Java: a certificate is trusted for what follows (sun.security.pkcs12.PKCS12KeyStore). */
  trustedKeyUsage: oid("2.16.840.1.113894.746875.1.1"),
  anyUsage: oid("2.5.29.37.0"),
  pbes2: oid("1.2.840.113549.1.5.13"),
  pbkdf2: oid("1.2.840.113549.1.5.12"),
  hmacSha256: oid("1.2.840.113549.2.9"),
  aes256: oid("2.16.840.1.101.3.4.1.42"),
  tripleDes: oid("1.2.840.113549.1.12.1.3"),
  sha1: oid("1.3.14.3.2.26"),
  sha256: oid("2.16.840.1.101.3.4.2.1"),
};

/** How one part is locked. */
interface Lock {
  legacy: boolean;
  derivation: Derivation;
  iv: Buffer;
}

function lockOf({ password, legacy }: KeystoreTask, certificates: readonly X509Certificate[], key?: KeyObject) {
  const seed = createHmac("sha256", key ? derOf(key) : "");
  for (const { raw } of certificates) seed.update(raw);
  const root = seed.digest();
  const bytes = (label: string) => Buffer.from(hkdfSync("sha256", root, "keymount pkcs12", label, 16));
  const hash = legacy ? ("sha1" as const) : ("sha256" as const);
  const rounds = legacy ? iterations.legacy : iterations.aes;
  return (part: string): Lock => ({
    legacy,
    derivation: { hash, password, salt: bytes(`${part} salt`), iterations: rounds },
    iv: bytes(`${part} iv`),
  });
}

function derOf(key: KeyObject): Buffer {
  return key.export({ type: "pkcs8", format: "der" });
}

function encrypt({ legacy, derivation, iv }: Lock, plain: Buffer): { algorithm: Buffer; bytes: Buffer } {
  const { password, salt, iterations: rounds } = derivation;
  if (legacy) {
    const cipher = createCipheriv("des-ede3-cbc", pkcs12Key(derivation, "key", 24), pkcs12Key(derivation, "iv", 8));
    const bytes = Buffer.concat([cipher.update(plain), cipher.final()]);
    return { algorithm: sequence(oids.tripleDes, sequence(octets(salt), integer(rounds))), bytes };
  }
  const cipher = createCipheriv("aes-256-cbc", pbkdf2Sync(password, salt, rounds, 32, "sha256"), iv);
  const derived = sequence(octets(salt), integer(rounds), sequence(oids.hmacSha256, nothing));
  const scheme = sequence(sequence(oids.pbkdf2, derived), sequence(oids.aes256, octets(iv)));
  return {
    algorithm: sequence(oids.pbes2, scheme),
    bytes: Buffer.concat([cipher.update(plain), cipher.final()]),
  };
}

function data(inner: Buffer): Buffer {
  return sequence(oids.data, explicit(octets(inner)));
}

function encrypted(lock: Lock, inner: Buffer): Buffer {
  const { algorithm, bytes } = encrypt(lock, inner);
  const content = sequence(oids.data, algorithm, implicitOctets(bytes));
  return sequence(oids.encryptedData, explicit(sequence(integer(0), content)));
}

const attribute = (name: Buffer, value: Buffer) => sequence(name, setOf(value));

/** What ties a key to its certificate. */
function keyId(certificate: X509Certificate): Buffer {
  return attribute(oids.localKeyId, octets(createHash("sha1").update(certificate.raw).digest()));
}

function certificateBags(certificates: readonly X509Certificate[], { key, alias }: KeystoreTask): Buffer[] {
  return certificates.map((certificate, index) => {
    const name = attribute(oids.friendlyName, bmp(index === 0 ? alias : `${alias}-${index + 1}`));
    const trusted = attribute(oids.trustedKeyUsage, oids.anyUsage);
    // A chain's further certificates are found by their issuers, and are no entries.
    const attributes = key === undefined ? [name, trusted] : index === 0 ? [name, keyId(certificate)] : [];
    const value = explicit(sequence(oids.x509, explicit(octets(certificate.raw))));
    return sequence(oids.certificateBag, value, ...(attributes.length > 0 ? [setOf(...inOrder(attributes))] : []));
  });
}

/** DER orders the members of a set by their bytes. */
function inOrder(members: Buffer[]): Buffer[] {
  return [...members].sort((a, b) => Buffer.compare(a, b));
}

function keyBag(lock: Lock, key: KeyObject, certificate: X509Certificate, { alias }: KeystoreTask): Buffer {
  const { algorithm, bytes } = encrypt(lock, derOf(key));
  const attributes = inOrder([attribute(oids.friendlyName, bmp(alias)), keyId(certificate)]);
  return sequence(oids.shroudedKeyBag, explicit(sequence(algorithm, octets(bytes))), setOf(...attributes));
}

function mac(safe: Buffer, { legacy }: KeystoreTask, { derivation }: Lock): Buffer {
  const { hash, salt, iterations: rounds } = derivation;
  const key = pkcs12Key(derivation, "mac", legacy ? 20 : 32);
  const digest = createHmac(hash, key).update(safe).digest();
  return sequence(sequence(sequence(oids[hash], nothing), octets(digest)), octets(salt), integer(rounds));
}
