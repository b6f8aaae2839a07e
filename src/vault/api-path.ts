import type { VaultRequest } from "../mount/mount-spec.js";
import { ProviderError } from "../shared/errors.js";

/** Steps of characters that no escaping changes, none of them empty or of dots: most paths. */
const isPlain = /^[\w-]+(?:\/[\w-]+)*$/;

/**
 * The path as it goes on the wire after `/v1/`: each step escaped, so that what a pod's author wrote stays one path.
 * Steps that would make another path of it are refused here again, the last door before Vault.
 */
export function escapePath(path: string): string {
  if (isPlain.test(path)) return path;
  const steps = path.split("/");
  if (!path.isWellFormed() || steps.some((step) => step === "" || step === "." || step === ".."))
    throw new ProviderError("invalid_request", 'a Vault path has no empty step and no step "." or ".."');
  return steps.map(encodeURIComponent).join("/");
}

/** LIST is asked as GET with `list=true`, which Vault takes for the same and which proxies let through. */
export function wireRequest({ method, path, query }: VaultRequest): { method: string; path: string } {
  const escaped = escapePath(path);
  if (method === "LIST") return { method: "GET", path: `${escaped}?${query === "" ? "" : `${query}&`}list=true` };
  return { method, path: query === "" ? escaped : `${escaped}?${query}` };
}
