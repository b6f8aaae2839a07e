import type { VaultRequest } from "./mount-spec.js";

/** Equal for requests that are equal in method, path, query and arguments, and for no others. It holds the arguments: never print it. */
export function requestKey({ method, path, query, args }: VaultRequest): string {
  return JSON.stringify(args ? [method, path, query, args.reveal()] : [method, path, query]);
}
