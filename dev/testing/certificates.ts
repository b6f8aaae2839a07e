import { X509Certificate, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { der, explicit, integer, nothing, octets, oid, sequence, setOf } from "../../src/render/der.js";

/** A certificate and its key, as PEM. */
export interface Identity {
  cert: string;
  key: string;
}

export interface IdentityOptions {
  commonName: string;
  /** DNS names and IP addresses it is good for. */
  names?: readonly string[];
  /** Who signs; without, it signs itself. */
  by?: Identity;
  isCa?: boolean;
  /** The one extended key usage it has; without, it may serve for all. */
  usage?: "server" | "client";
  /** An RSA key takes a tenth of a second and more to make. Default: `ec`. */
  keyType?: "ec" | "rsa";
  /** Milliseconds since the epoch. */
  notBefore?: number;
  notAfter?: number;
}

let serial = 1;

/** Makes a certificate with a key of its own (RFC 5280): node-forge's certificates are of RSA keys only. */
export function makeIdentity({
  commonName,
  names = [],
  by,
  isCa = false,
  usage,
  keyType = "ec",
  notBefore = Date.now() - 2 * 86_400_000,
  notAfter = Date.now() + 86_400_000,
}: IdentityOptions): Identity {
  const key = newKey(keyType);
  const signingKey = by?.key ?? key;
  const algorithm = signatureAlgorithm(signingKey);
  const content = sequence(
    explicit(integer(2)),
    integer(serial++),
    algorithm,
    distinguishedName(by ? commonNameOf(by) : commonName),
    sequence(time(notBefore), time(notAfter)),
    distinguishedName(commonName),
    createPublicKey(key).export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...extensions(names, isCa, usage))),
  );
  const signature = der(0x03, Buffer.of(0), sign("sha256", content, signingKey));
  return { cert: new X509Certificate(sequence(content, algorithm, signature)).toString(), key };
}

/** RFC 5280 §4.2.1.12. */
const usages = { server: "1.3.6.1.5.5.7.3.1", client: "1.3.6.1.5.5.7.3.2" } as const;

function extensions(names: readonly string[], isCa: boolean, usage: keyof typeof usages | undefined): Buffer[] {
  const basicConstraints = sequence(...(isCa ? [der(0x01, Buffer.of(0xff))] : []));
  const subjectAltName = sequence(...names.map(generalName));
  return [
    sequence(oid("2.5.29.19"), octets(basicConstraints)),
    ...(names.length > 0 ? [sequence(oid("2.5.29.17"), octets(subjectAltName))] : []),
    ...(usage ? [sequence(oid("2.5.29.37"), octets(sequence(oid(usages[usage]))))] : []),
  ];
}

/** A DNS name, or an IP address of version 4. */
function generalName(name: string): Buffer {
  return /^[\d.]+$/.test(name) ? der(0x87, Buffer.from(name.split(".").map(Number))) : der(0x82, Buffer.from(name));
}

function distinguishedName(commonName: string): Buffer {
  return sequence(setOf(sequence(oid("2.5.4.3"), der(0x0c, Buffer.from(commonName)))));
}

function commonNameOf({ cert }: Identity): string {
  return new X509Certificate(cert).subject.slice("CN=".length);
}

function newKey(type: "ec" | "rsa"): string {
  const pair =
    type === "rsa"
      ? generateKeyPairSync("rsa", { modulusLength: 2048 })
      : generateKeyPairSync("ec", { namedCurve: "P-256" });
  return pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** With SHA-256. */
function signatureAlgorithm(key: string): Buffer {
  const isEc = createPrivateKey(key).asymmetricKeyType === "ec";
  return isEc ? sequence(oid("1.2.840.10045.4.3.2")) : sequence(oid("1.2.840.113549.1.1.11"), nothing);
}

/** UTCTime, of years until 2049. */
function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().slice(2, 19).replace(/\D/g, "");
  return der(0x17, Buffer.from(`${digits}Z`));
}
