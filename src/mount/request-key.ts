import { createHash } from "node:crypto";
import type { VaultRequest } from "./mount-spec.js";

/** Longer ones are represented by their digest. */
const mostReadable = 256;

/** Made once: a class asks the same at every Mount, and objects that read everything below one path ask all of it in common. */
const keys = new WeakMap<VaultRequest, string>();

/**
 * Equal for requests that are equal in method, path, query and arguments, and for no others; short. Of the arguments it
 * holds a hash alone; they may be short enough to be guessed from that: never print it.
 */
export function requestKey(request: VaultRequest): string {
  const known = keys.get(request);
  if (known !== undefined) return known;
  const key = keyOf(request);
  keys.set(request, key);
  return key;
}

function keyOf({ method, path, query, args }: VaultRequest): string {
  const plain = JSON.stringify([method, path, query]);
  if (!args && plain.length <= mostReadable) return plain;
  return createHash("sha256")
    .update(plain)
    .update(args ? `\n${args.reveal()}` : "")
    .digest("base64url");
}

/** Bytes of memory that a request's arguments take where it is kept, as beside its answer. */
export function argsBytes({ args }: VaultRequest): number {
  return args ? Buffer.byteLength(args.reveal()) : 0;
}
