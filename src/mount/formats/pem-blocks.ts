import { X509Certificate, createPrivateKey } from "node:crypto";
import { ProviderError } from "../../shared/errors.js";
import type { Json } from "../../shared/json.js";

/** One PEM block, written as OpenSSL does: lines of 64, LF between them, none after the last. */
export interface PemBlock {
  label: string;
  text: string;
}

/**
 * The PEM blocks of a value: of a text, of a list's texts in their order, or of DER in base64, as PKI answers with
 * `format=der`. Other text between blocks is left out. Throws `invalid_request`; `place` says where the value is from.
 */
export function pemBlocksIn(value: Json, place: string): PemBlock[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => pemBlocksIn(item, `item ${index} of ${place}`));
  if (typeof value !== "string") throw unfit(place, "is neither text nor a list of texts");
  if (!value.includes("-----BEGIN ")) return [fromDer(value, place)];
  const blocks = [...value.matchAll(anyBlock)].map(([, label, body]) => cleaned(label!, body!, place));
  if (blocks.length === 0) throw unfit(place, "holds a PEM block that does not end");
  return blocks;
}

/** No two dashes within, so that a text of beginnings without an end takes no longer than its length. */
const anyBlock = /-----BEGIN ([A-Z0-9 ]{1,40})-----([^-]+(?:-[^-]+)*)-----END \1-----/g;

/** The body may stand on one line, or have the line breaks of Windows; a key with headers (RFC 1421) keeps its lines. */
function cleaned(label: string, body: string, place: string): PemBlock {
  if (/^\s*Proc-Type: /.test(body)) return block(label, body.trim().replace(/[^\S\n]*\n/g, "\n"));
  const base64 = base64In(body);
  if (base64 === undefined || (label === "CERTIFICATE" && !reads(() => new X509Certificate(bytesOf(base64)))))
    throw unfit(place, `holds a PEM block ${label} that cannot be read (are its line breaks real ones, not "\\n"?)`);
  return block(label, lines(base64));
}

function fromDer(text: string, place: string): PemBlock {
  const base64 = base64In(text);
  const label = base64 && labelOf(bytesOf(base64));
  if (!base64 || !label) throw unfit(place, "is no PEM, nor the base64 of DER");
  return block(label, lines(base64));
}

function labelOf(der: Buffer): string | undefined {
  if (reads(() => new X509Certificate(der))) return "CERTIFICATE";
  return keyForms.find(([type, algorithm]) => {
    const kind = keyKind(der, type);
    return algorithm ? kind === algorithm : kind !== undefined;
  })?.[2];
}

/** OpenSSL 3.5 does not mind which form it is told, so that the key's kind has to fit as well. */
const keyForms = [
  ["pkcs8", undefined, "PRIVATE KEY"],
  ["pkcs1", "rsa", "RSA PRIVATE KEY"],
  ["sec1", "ec", "EC PRIVATE KEY"],
] as const;

function keyKind(der: Buffer, type: "pkcs8" | "pkcs1" | "sec1"): string | undefined {
  try {
    return createPrivateKey({ key: der, format: "der", type }).asymmetricKeyType;
  } catch {
    return undefined; // Of another form.
  }
}

function block(label: string, body: string): PemBlock {
  return { label, text: `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----` };
}

function base64In(text: string): string | undefined {
  const compact = text.replace(/\s/g, "");
  const valid = compact !== "" && compact.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(compact);
  return valid ? compact : undefined;
}

const bytesOf = (base64: string) => Buffer.from(base64, "base64");

const lines = (base64: string) => base64.replace(/.{64}(?=.)/g, "$&\n");

function reads(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false; // Of another form: the caller tries the next, or refuses.
  }
}

function unfit(place: string, why: string): ProviderError {
  return new ProviderError(
    "invalid_request",
    `${place} ${why}; this format takes PEM, leave it out to write the value as it is`,
  );
}
