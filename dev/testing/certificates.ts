import { X509Certificate, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
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
  /** An RSA key takes a tenth of a second and more to make. Default: `ec`. */
  keyType?: "ec" | "rsa";
  /** Milliseconds since the epoch. */
  notBefore?: number;
  notAfter?: number;
}

const { Class, Type, create, fromDer, integerToDer, oidToDer, toDer } = forge.asn1;

let serial = 1;

/** Makes a certificate with a key of its own (RFC 5280): node-forge's certificates are of RSA keys only. */
export function makeIdentity({
  commonName,
  names = [],
  by,
  isCa = false,
  keyType = "ec",
  notBefore = Date.now() - 2 * 86_400_000,
  notAfter = Date.now() + 86_400_000,
}: IdentityOptions): Identity {
  const key = newKey(keyType);
  const signingKey = by?.key ?? key;
  const algorithm = signatureAlgorithm(signingKey);
  const content = sequence(
    tagged(0, [create(Class.UNIVERSAL, Type.INTEGER, false, integerToDer(2).getBytes())]),
    create(Class.UNIVERSAL, Type.INTEGER, false, integerToDer(serial++).getBytes()),
    algorithm,
    distinguishedName(by ? commonNameOf(by) : commonName),
    sequence(time(notBefore), time(notAfter)),
    distinguishedName(commonName),
    fromDer(createPublicKey(key).export({ type: "spki", format: "der" }).toString("binary")),
    tagged(3, [sequence(...extensions(names, isCa))]),
  );
  const signature = sign("sha256", Buffer.from(toDer(content).getBytes(), "binary"), signingKey);
  const bits = create(Class.UNIVERSAL, Type.BITSTRING, false, `\0${signature.toString("binary")}`);
  const certificate = Buffer.from(toDer(sequence(content, algorithm, bits)).getBytes(), "binary");
  return { cert: new X509Certificate(certificate).toString(), key };
}

function extensions(names: readonly string[], isCa: boolean): forge.asn1.Asn1[] {
  const basicConstraints = sequence(...(isCa ? [create(Class.UNIVERSAL, Type.BOOLEAN, false, "\xff")] : []));
  const subjectAltName = sequence(...names.map(generalName));
  return [
    extension("2.5.29.19", basicConstraints),
    ...(names.length > 0 ? [extension("2.5.29.17", subjectAltName)] : []),
  ];
}

function extension(id: string, value: forge.asn1.Asn1): forge.asn1.Asn1 {
  return sequence(objectId(id), create(Class.UNIVERSAL, Type.OCTETSTRING, false, toDer(value).getBytes()));
}

function generalName(name: string): forge.asn1.Asn1 {
  if (!/^[\d.]+$/.test(name)) return create(Class.CONTEXT_SPECIFIC, 2, false, name);
  return create(Class.CONTEXT_SPECIFIC, 7, false, String.fromCharCode(...name.split(".").map(Number)));
}

function distinguishedName(commonName: string): forge.asn1.Asn1 {
  const text = create(Class.UNIVERSAL, Type.UTF8, false, forge.util.encodeUtf8(commonName));
  return sequence(create(Class.UNIVERSAL, Type.SET, true, [sequence(objectId("2.5.4.3"), text)]));
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
function signatureAlgorithm(key: string): forge.asn1.Asn1 {
  if (createPrivateKey(key).asymmetricKeyType === "ec") return sequence(objectId("1.2.840.10045.4.3.2"));
  return sequence(objectId("1.2.840.113549.1.1.11"), create(Class.UNIVERSAL, Type.NULL, false, ""));
}

function time(ms: number): forge.asn1.Asn1 {
  return create(Class.UNIVERSAL, Type.UTCTIME, false, forge.asn1.dateToUtcTime(new Date(ms)).toString());
}

function objectId(id: string): forge.asn1.Asn1 {
  return create(Class.UNIVERSAL, Type.OID, false, oidToDer(id).getBytes());
}

function sequence(...values: forge.asn1.Asn1[]): forge.asn1.Asn1 {
  return create(Class.UNIVERSAL, Type.SEQUENCE, true, values);
}

function tagged(tag: number, value: forge.asn1.Asn1[]): forge.asn1.Asn1 {
  return create(Class.CONTEXT_SPECIFIC, tag, true, value);
}
