import { createCipheriv, createDecipheriv } from "node:crypto";
import { Redacted } from "../shared/redacted.js";

const [nonceBytes, tagBytes] = [12, 16];

/** What sealing adds. */
export const sealBytes = nonceBytes + tagBytes;

const unbound = Buffer.alloc(0);

/** Bytes sealed with AES-256-GCM: the nonce, the tag, the sealed text. Only who knows what they are `boundTo` unseals them. */
export function seal(
  bytes: Redacted<Buffer>,
  key: Redacted<Buffer>,
  randomBytes: (size: number) => Buffer,
  boundTo = unbound,
): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv("aes-256-gcm", key.reveal(), nonce);
  cipher.setAAD(boundTo);
  const text = cipher.update(bytes.reveal());
  cipher.final(); // Of a mode that seals byte by byte, it only makes the tag.
  return Buffer.concat([nonce, cipher.getAuthTag(), text]);
}

/** `undefined` for what is damaged, sealed with another key, or bound to something else. Needs `sealBytes` at least. */
export function unseal(sealed: Buffer, key: Redacted<Buffer>, boundTo = unbound): Redacted<Buffer> | undefined {
  const nonce = sealed.subarray(0, nonceBytes);
  const decipher = createDecipheriv("aes-256-gcm", key.reveal(), nonce, { authTagLength: tagBytes });
  decipher.setAAD(boundTo);
  decipher.setAuthTag(sealed.subarray(nonceBytes, sealBytes));
  try {
    const text = decipher.update(sealed.subarray(sealBytes));
    decipher.final(); // Checks the tag, and throws.
    return new Redacted(text);
  } catch {
    return undefined;
  }
}
