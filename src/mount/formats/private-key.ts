import { type KeyObject, createPrivateKey } from "node:crypto";
import { hasExplicitCurve } from "../../shared/foreign-certificate.js";

/** Object identifiers as DER has them, in hex (RFC 8017, RFC 5480, RFC 8410): reading a key of these costs what it weighs. */
const algorithms: ReadonlySet<string> = new Set([
  "2a864886f70d010101", // RSA
  "2a864886f70d01010a", // RSASSA-PSS
  "2a8648ce3d0201", // EC
  "2b656e", // X25519
  "2b656f", // X448
  "2b6570", // Ed25519
  "2b6571", // Ed448
]);

/** The forms of an unencrypted key, and the label that PEM has for each. */
const labels = { pkcs8: "PRIVATE KEY", pkcs1: "RSA PRIVATE KEY", sec1: "EC PRIVATE KEY" } as const;

export interface PrivateKey {
  key: KeyObject;
  label: (typeof labels)[keyof typeof labels];
}

/**
 * An unencrypted private key in DER; `undefined` for all else. Only keys of RSA and of named elliptic curves are read: of a DSA
 * key, OpenSSL computes the public one, which takes seconds for a few kilobytes.
 */
export function readPrivateKey(der: Buffer): PrivateKey | undefined {
  const form = formOf(der);
  if (form === undefined || hasExplicitCurve(der)) return undefined;
  try {
    return { key: createPrivateKey({ key: der, format: "der", type: form }), label: labels[form] };
  } catch {
    return undefined; // It only begins like one.
  }
}

/** By how it begins: a sequence of a version, and then an algorithm (RFC 5208), a number (RFC 8017) or octets (RFC 5915). */
function formOf(der: Buffer): keyof typeof labels | undefined {
  const outer = elementAt(der, 0);
  const version = outer && elementAt(der, outer.start);
  const next = version && elementAt(der, version.end);
  if (outer?.tag !== sequence || version?.tag !== integer || !next) return undefined;
  if (next.tag === integer) return "pkcs1";
  if (next.tag === octets) return "sec1";
  const algorithm = next.tag === sequence ? elementAt(der, next.start) : undefined;
  // Octets in pieces could hide what is looked for in them.
  const isWhole = elementAt(der, next.end)?.tag === octets;
  const isKnown = algorithm?.tag === oid && algorithms.has(der.toString("hex", algorithm.start, algorithm.end));
  return isKnown && isWhole ? "pkcs8" : undefined;
}

const [integer, octets, oid, sequence] = [0x02, 0x04, 0x06, 0x30];

interface Element {
  tag: number;
  /** Of its content. */
  start: number;
  end: number;
}

/** The element there, where it is whole (X.690 §8.1.3): BER's indefinite length reaches to the end, others take four bytes at most. */
function elementAt(der: Buffer, at: number): Element | undefined {
  const [tag, first] = [der[at], der[at + 1]];
  if (tag === undefined || first === undefined) return undefined;
  if (first === 0x80) return { tag, start: at + 2, end: der.length };
  const lengthBytes = first < 0x80 ? 0 : first - 0x80;
  if (lengthBytes > 4 || at + 2 + lengthBytes > der.length) return undefined;
  const length = lengthBytes === 0 ? first : der.readUIntBE(at + 2, lengthBytes);
  const start = at + 2 + lengthBytes;
  return start + length <= der.length ? { tag, start, end: start + length } : undefined;
}
