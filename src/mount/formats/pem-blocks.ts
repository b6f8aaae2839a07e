import { ProviderError } from "../../shared/errors.js";
import { hasExplicitCurve, readCertificate } from "../../shared/foreign-certificate.js";
import type { Json } from "../../shared/json.js";
import { withoutWhiteSpace } from "../../shared/without-white-space.js";
import { readPrivateKey } from "./private-key.js";

/** One PEM block, written as OpenSSL does: lines of 64, LF between them, none after the last. */
export interface PemBlock {
  label: string;
  text: string;
}

/** Of one file: a tenth of a millisecond each. The roots that a system trusts are some 150. */
const mostBlocks = 256;
/** Of one file, as they are written. The roots that a system trusts take some 200 KiB. */
const mostBytes = 1 << 20;

/** How many blocks there may still be in one file, and how long they may be. */
export class PemRoom {
  #left = mostBlocks;
  #bytesLeft = mostBytes;

  /** Throws `limit_exceeded` for one too many; `location` says where it is from. */
  take(location: string, bytes: number): void {
    this.#left -= 1;
    this.#bytesLeft -= bytes;
    if (this.#bytesLeft < 0)
      throw new ProviderError(
        "limit_exceeded",
        `${location} holds more than ${mostBytes} bytes of PEM; put some into other files`,
      );
    if (this.#left >= 0) return;
    throw new ProviderError(
      "limit_exceeded",
      `${location} holds more than ${mostBlocks} PEM blocks; put some into other files`,
    );
  }
}

/**
 * The PEM blocks of a value: of a text, of a list's texts in their order, or of DER in base64, as PKI answers with
 * `format=der`. Other text between blocks is left out. Throws `invalid_request`, or `limit_exceeded` when there are more than
 * there is room for; `location` says where the value is from.
 */
export function pemBlocksIn(value: Json, location: string, room: PemRoom = new PemRoom()): PemBlock[] {
  if (Array.isArray(value))
    return value.flatMap((item, index) => pemBlocksIn(item, `item ${index} of ${location}`, room));
  if (typeof value !== "string") throw invalidValue(location, "is neither text nor a list of texts");
  if (!value.includes(begin)) {
    room.take(location, value.length);
    return [fromDer(value, location)];
  }
  const blocks: PemBlock[] = [];
  for (const { label, body } of rawBlocksIn(value)) {
    room.take(location, body.length);
    blocks.push(cleaned(label, body, location));
  }
  if (blocks.length === 0) throw invalidValue(location, "holds a PEM block that does not end");
  return blocks;
}

const begin = "-----BEGIN ";
const dashes = "-----";

/** Every block as it is written, in one pass: a search ends at the next five dashes, and the next one begins no earlier. */
function* rawBlocksIn(text: string): Generator<{ label: string; body: string }> {
  let from = 0;
  for (let at = text.indexOf(begin); at >= 0; at = text.indexOf(begin, from)) {
    from = at + begin.length;
    const labelEnd = text.indexOf(dashes, from);
    if (labelEnd < 0) return;
    const label = text.slice(from, labelEnd);
    if (!/^[A-Z0-9 ]{1,40}$/.test(label)) continue;
    const bodyStart = labelEnd + dashes.length;
    const bodyEnd = text.indexOf(dashes, bodyStart);
    if (bodyEnd < 0) return;
    const body = text.slice(bodyStart, bodyEnd);
    const end = `${dashes}END ${label}${dashes}`;
    if (body === "" || body.includes("--") || body.startsWith("-") || !text.startsWith(end, bodyEnd)) continue;
    yield { label, body };
    from = bodyEnd + end.length;
  }
}

/** The body may stand on one line, or have the line breaks of Windows; a key with headers (RFC 1421) keeps its lines. */
function cleaned(label: string, body: string, location: string): PemBlock {
  const trimmed = body.trim();
  if (label.endsWith("PRIVATE KEY") && trimmed.startsWith("Proc-Type: "))
    return block(label, trimmed.split("\n").map(withoutEnd).join("\n"));
  const base64 = base64In(body);
  const der = base64 !== undefined && label === "CERTIFICATE" ? bytesOf(base64) : undefined;
  if (der && hasExplicitCurve(der))
    throw invalidValue(
      location,
      "holds a certificate with explicit curve parameters, which RFC 5480 forbids; have it issued for a key on a named curve",
    );
  if (base64 === undefined || (der && !readCertificate(der)))
    throw invalidValue(
      location,
      `holds a PEM block ${label} that cannot be read (are its line breaks real ones, not "\\n"?)`,
    );
  return block(label, lines(base64));
}

const withoutEnd = (line: string) => line.trimEnd();

function fromDer(text: string, location: string): PemBlock {
  const base64 = base64In(text);
  const label = base64 && labelOf(bytesOf(base64));
  if (!base64 || !label)
    throw invalidValue(
      location,
      "is no PEM, nor the base64 of DER of a certificate, or of a private key of RSA or an elliptic curve",
    );
  return block(label, lines(base64));
}

function labelOf(der: Buffer): string | undefined {
  return readCertificate(der) ? "CERTIFICATE" : readPrivateKey(der)?.label;
}

function block(label: string, body: string): PemBlock {
  return { label, text: `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----` };
}

/** What a block holds; `undefined` where that has headers (RFC 1421), as a key that is encrypted. */
export function derIn({ text }: PemBlock): Buffer | undefined {
  const base64 = base64In(text.split("\n").slice(1, -1).join(""));
  return base64 === undefined ? undefined : bytesOf(base64);
}

function base64In(text: string): string | undefined {
  if (!/^[A-Za-z0-9+/=\s]*$/.test(text)) return undefined;
  const compact = withoutWhiteSpace(text);
  const valid = compact !== "" && compact.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(compact);
  return valid ? compact : undefined;
}

const bytesOf = (base64: string) => Buffer.from(base64, "base64");

const lines = (base64: string) => base64.replace(/.{64}(?=.)/g, "$&\n");

function invalidValue(location: string, why: string): ProviderError {
  return new ProviderError(
    "invalid_request",
    `${location} ${why}; this format takes PEM, leave it out to write the value as it is`,
  );
}
