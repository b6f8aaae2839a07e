import { X509Certificate } from "node:crypto";

/** Parsing takes a fifth of a microsecond for each byte; a certificate of Vault's has one or two thousand. */
const mostBytes = 32 << 10;
/**
 * How the object identifiers of field types begin in DER (1.2.840.10045.1). They stand in explicit curve parameters only, which
 * RFC 5480 §2.1.1 forbids: OpenSSL computes with whatever curve they describe as soon as it parses, and a point of a
 * chosen one takes it a third of a second.
 */
const fieldType = Buffer.from("2a8648ce3d01", "hex");

/** Whether DER has explicit curve parameters, so that OpenSSL must not see it. */
export function hasExplicitCurve(der: Buffer): boolean {
  return der.includes(fieldType);
}

/** A certificate of somebody else's in DER; `undefined` for what is none, is too long, or costs more to parse than it weighs. */
export function readCertificate(der: Buffer): X509Certificate | undefined {
  // Node would read PEM within it instead, whose bytes cannot be looked at here.
  if (der.length > mostBytes || hasExplicitCurve(der) || der.includes("-----BEGIN")) return undefined;
  try {
    return new X509Certificate(der);
  } catch {
    return undefined;
  }
}

/** The first certificate of a text, in PEM or as DER in base64, read as `readCertificate` does. */
export function readCertificateText(text: string): X509Certificate | undefined {
  const [, body] = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END/.exec(text) ?? [];
  return readCertificate(Buffer.from(body ?? text, "base64"));
}
