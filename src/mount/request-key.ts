import { createHash } from "node:crypto";
import type { VaultRequest } from "./mount-spec.js";

/**
 * Equal for requests that are equal in method, path, query and arguments, and for no others. Of the arguments it holds a
 * hash alone, so that it stays small; they may be short enough to be guessed from that: never print it.
 */
export function requestKey({ method, path, query, args }: VaultRequest): string {
  return JSON.stringify(args ? [method, path, query, hashOf(args.reveal())] : [method, path, query]);
}

/** Bytes of memory that a request's arguments take where it is kept, as beside its answer. */
export function argsBytes({ args }: VaultRequest): number {
  return args ? Buffer.byteLength(args.reveal()) : 0;
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
