import { generateKeyPairSync } from "node:crypto";
import forge from "node-forge";

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
  /** Milliseconds since the epoch. */
  notBefore?: number;
  notAfter?: number;
}

let serial = 1;

/** An RSA key costs a tenth of a second, so later identities have the keys of earlier ones: no two of eight in a row. */
const keyPairs: { publicKey: string; privateKey: string }[] = [];

function keyPairOf(number: number) {
  return (keyPairs[number % 8] ??= generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  }));
}

/** Makes a certificate with an RSA key that differs from those of the seven before. */
export function makeIdentity({
  commonName,
  names = [],
  by,
  isCa = false,
  notBefore,
  notAfter,
}: IdentityOptions): Identity {
  const { publicKey, privateKey } = keyPairOf(serial);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey);
  certificate.serialNumber = `0${serial++}`;
  certificate.validity.notBefore = new Date(notBefore ?? Date.now() - 2 * 86_400_000);
  certificate.validity.notAfter = new Date(notAfter ?? Date.now() + 86_400_000);
  certificate.setSubject([{ name: "commonName", value: commonName }]);
  certificate.setIssuer(by ? forge.pki.certificateFromPem(by.cert).subject.attributes : certificate.subject.attributes);
  certificate.setExtensions([
    { name: "basicConstraints", cA: isCa },
    ...(names.length > 0 ? [{ name: "subjectAltName", altNames: names.map(altName) }] : []),
  ]);
  certificate.sign(forge.pki.privateKeyFromPem(by?.key ?? privateKey), forge.md.sha256.create());
  return { cert: forge.pki.certificateToPem(certificate), key: privateKey };
}

function altName(name: string) {
  return /^[\d.]+$/.test(name) ? { type: 7, ip: name } : { type: 2, value: name };
}
