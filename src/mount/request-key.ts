import { createHash } from "node:crypto";
import type { VaultRequest } from "./mount-spec.js";

/** What is longer is told by its digest. */
const mostReadable = 256;

/**
 * Equal for requests that are equal in method, path, query and arguments, and for no others; short, and without the
 * arguments, which may be secret and long.
 */
export function requestKey({ method, path, query, args }: VaultRequest): string {
  const plain = JSON.stringify([method, path, query]);
  if (!args && plain.length <= mostReadable) return plain;
  return createHash("sha256")
    .update(plain)
    .update(args ? `\n${args.reveal()}` : "")
    .digest("base64url");
}
