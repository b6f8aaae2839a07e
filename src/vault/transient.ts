import type { ProviderError } from "../shared/errors.js";
import { VaultError } from "./vault-error.js";

/** No node of the connection serves anybody. */
export function isOutage(error: ProviderError): boolean {
  return error instanceof VaultError && ["outage", "sealed", "configuration"].includes(error.kind);
}

/** Nothing was decided: it may be tried again. */
export function isTransient(error: ProviderError): boolean {
  if (isOutage(error) || !(error instanceof VaultError)) return true;
  return ["engine", "namespace", "quota", "protocol"].includes(error.kind);
}

/**
 * Vault, or what stands behind the path, is away: sealed, out of reach, or without a good answer. What Vault decided, also of
 * a namespace or a rate, is none of it.
 */
export function isAway(error: ProviderError): boolean {
  return isOutage(error) || (error instanceof VaultError && error.kind === "engine");
}
