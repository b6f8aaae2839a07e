import { createHash } from "node:crypto";
import { bigEndian } from "./der.js";

/** What is derived: RFC 7292, B.3. */
export const purposes = { key: 1, iv: 2, mac: 3 } as const;

export interface Derivation {
  hash: "sha1" | "sha256";
  password: string;
  salt: Buffer;
  iterations: number;
}

/** Both hashes work on blocks of so many bytes. */
const block = 64;

/** PKCS #12's own way from a password to a key (RFC 7292, B.2), which the MAC and the legacy ciphers use. */
export function pkcs12Key(
  { hash, password, salt, iterations }: Derivation,
  purpose: keyof typeof purposes,
  length: number,
): Buffer {
  const diversifier = Buffer.alloc(block, purposes[purpose]);
  let input: Buffer = Buffer.concat([filled(salt), filled(bigEndian(`${password}\0`))]);
  const key: Buffer[] = [];
  for (let have = 0; have < length; ) {
    let digest = createHash(hash).update(diversifier).update(input).digest();
    for (let round = 1; round < iterations; round += 1) digest = createHash(hash).update(digest).digest();
    key.push(digest);
    have += digest.length;
    input = advanced(input, filled(digest).subarray(0, block));
  }
  return Buffer.concat(key).subarray(0, length);
}

/** Repeated until it fills whole blocks. */
function filled(bytes: Buffer): Buffer {
  return Buffer.alloc(Math.ceil(bytes.length / block) * block, bytes);
}

/** Each block plus `step` plus one, modulo 2⁵¹². */
function advanced(input: Buffer, step: Buffer): Buffer {
  const next = Buffer.from(input);
  for (let start = 0; start < next.length; start += block) {
    let carry = 1;
    for (let at = block - 1; at >= 0; at -= 1) {
      carry += next[start + at]! + step[at]!;
      next[start + at] = carry & 0xff;
      carry >>= 8;
    }
  }
  return next;
}
