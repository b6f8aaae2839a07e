/**
 * Fields of the public key by the certificate's type, without the `-cert-v01@openssh.com` at its end (OpenSSH
 * PROTOCOL.certkeys, PROTOCOL.u2f).
 */
const keyFields: ReadonlyMap<string, number> = new Map([
  ...["ssh-rsa", "rsa-sha2-256", "rsa-sha2-512"].map((type) => [type, 2] as const), // e, n
  ["ssh-dss", 4], // p, q, g, y
  ...["256", "384", "521"].map((bits) => [`ecdsa-sha2-nistp${bits}`, 2] as const), // curve, point
  ["ssh-ed25519", 1],
  ["sk-ecdsa-sha2-nistp256", 3], // curve, point, application
  ["sk-ssh-ed25519", 2], // key, application
]);
const suffix = "-cert-v01@openssh.com";
const longest = 64 << 10;

/**
 * From when until when an OpenSSH certificate is valid, in Unix seconds (2^64 - 1 for ever), not verified; `undefined` for
 * other text. `text` is the line of a `-cert.pub` file: type, base64, comment.
 */
export function sshValidity(text: string): { validAfter: bigint; validBefore: bigint } | undefined {
  if (text.length > longest) return undefined;
  const [, base64 = ""] = text.split(" ", 2);
  const bytes = Buffer.from(base64, "base64");
  let at = 0;
  const field = (): Buffer => {
    const from = at + 4;
    at = from <= bytes.length ? from + bytes.readUInt32BE(at) : Infinity;
    return bytes.subarray(from, at);
  };
  const type = field().toString("latin1");
  const ofKey = type.endsWith(suffix) ? keyFields.get(type.slice(0, -suffix.length)) : undefined;
  if (ofKey === undefined) return undefined;
  for (let fields = 1 + ofKey; fields > 0; fields -= 1) field(); // The nonce is the first.
  at += 8 + 4; // Serial number; of a user or a host.
  for (let fields = 2; fields > 0; fields -= 1) field(); // Key id, principals.
  if (at + 16 > bytes.length) return undefined;
  return { validAfter: bytes.readBigUInt64BE(at), validBefore: bytes.readBigUInt64BE(at + 8) };
}
