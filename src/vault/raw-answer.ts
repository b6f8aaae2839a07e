import type { HttpAnswer } from "./response-reader.js";

/** What Vault 1.21's PKI and SSH engines answer with where they answer raw: certificates, revocation lists, a public key. */
const rawTypes: ReadonlySet<string> = new Set([
  "application/pem-certificate-chain",
  "application/pkix-cert",
  "application/pkix-crl",
  "application/x-pem-file",
  "text/plain",
]);

/**
 * Whether an engine answers raw instead of in JSON. Vault forbids every cache to store its answers, which tells them from a
 * proxy's page; markup is never one.
 */
export function isRawAnswer({ status, headers, body }: HttpAnswer): boolean {
  if (headers["content-type"] === "application/json") return false; // Most are.
  const [type = ""] = (headers["content-type"] ?? "").split(";", 1);
  if ((status !== 200 && status !== 204) || !rawTypes.has(type.trim().toLowerCase())) return false;
  return (
    /\bno-store\b/i.test(headers["cache-control"] ?? "") &&
    !/^(\xef\xbb\xbf)?\s*</.test(body.toString("latin1", 0, 200))
  );
}
