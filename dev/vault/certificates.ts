import { generateKeyPair, type KeyObject, randomBytes, sign } from "node:crypto";
import { promisify } from "node:util";
import forge from "node-forge";

/** A certificate and the key it certifies. */
export interface Identity {
  readonly certificate: forge.pki.Certificate;
  readonly key: KeyObject;
}

export interface CertificateOptions {
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Who signs; without it the certificate is a root that signs itself. */
  readonly issuer?: Identity;
}

const makeKeyPair = promisify(generateKeyPair);

/** An X.509 certificate over a fresh RSA key, with the extensions Vault's PKI engine gives it. */
export async function certify(options: CertificateOptions): Promise<Identity> {
  const { publicKey, privateKey } = await makeKeyPair("rsa", { modulusLength: 2048 });
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey.export({ type: "spki", format: "pem" }).toString());
  // A first bit of 0 keeps the number positive.
  certificate.serialNumber = Buffer.concat([Buffer.from([0x10]), randomBytes(19)]).toString("hex");
  certificate.validity.notBefore = new Date(options.notBefore);
  certificate.validity.notAfter = new Date(options.notAfter);
  const subject = [{ name: "commonName", value: options.commonName }];
  certificate.setSubject(subject);
  certificate.setIssuer(options.issuer?.certificate.subject.attributes ?? subject);
  const issuer = options.issuer?.certificate ?? certificate;
  certificate.setExtensions([
    ...(options.issuer ? leafExtensions(options) : rootExtensions),
    { name: "subjectKeyIdentifier" },
    { name: "authorityKeyIdentifier", keyIdentifier: issuer.generateSubjectKeyIdentifier().getBytes() },
  ]);
  certificate.sign(signer(options.issuer?.key ?? privateKey, certificate), forge.md.sha256.create());
  return { certificate, key: privateKey };
}

/** Signs with node's own RSA, many times faster than forge's. */
function signer(key: KeyObject, certificate: forge.pki.Certificate): forge.pki.rsa.PrivateKey {
  const signBody = () => {
    const body = forge.asn1.toDer(certificate.tbsCertificate).getBytes();
    return sign("sha256", Buffer.from(body, "binary"), key).toString("binary");
  };
  return { sign: signBody } as unknown as forge.pki.rsa.PrivateKey;
}

const rootExtensions = [
  { name: "keyUsage", critical: true, keyCertSign: true, cRLSign: true },
  { name: "basicConstraints", critical: true, cA: true },
];

function leafExtensions({ dnsNames, ipAddresses }: CertificateOptions): object[] {
  const names = [...dnsNames.map((value) => ({ type: 2, value })), ...ipAddresses.map((ip) => ({ type: 7, ip }))];
  return [
    { name: "keyUsage", critical: true, digitalSignature: true, keyEncipherment: true, keyAgreement: true },
    { name: "extKeyUsage", serverAuth: true, clientAuth: true },
    ...(names.length > 0 ? [{ name: "subjectAltName", altNames: names }] : []),
  ];
}

/** Without the newline at its end, as Vault prints it. */
export function certificatePem({ certificate }: Identity): string {
  return forge.pki.certificateToPem(certificate).replace(/\r/g, "").trimEnd();
}

/** In PKCS #1, or in PKCS #8. */
export function privateKeyPem({ key }: Identity, format: string): string {
  const type = format === "pkcs8" ? "pkcs8" : "pkcs1";
  return key.export({ type, format: "pem" }).toString().trimEnd();
}

/** `63:cf:…`, as Vault writes serial numbers. */
export function serialNumber({ certificate }: Identity): string {
  return colons(certificate.serialNumber);
}

export function subjectKeyId({ certificate }: Identity): string {
  return colons(certificate.generateSubjectKeyIdentifier().toHex());
}

const colons = (hex: string) => hex.match(/../g)!.join(":");
