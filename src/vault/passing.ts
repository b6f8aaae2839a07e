import type { ProviderError } from "../shared/errors.js";
import { VaultError } from "./vault-error.js";

/** Vault did not answer as a live one does. */
export function isOutage(error: ProviderError): boolean {
  return error instanceof VaultError && ["outage", "sealed", "quota", "configuration"].includes(error.kind);
}

/** Nothing was decided: it may be tried again. */
export function isPassing(error: ProviderError): boolean {
  return isOutage(error) || !(error instanceof VaultError) || error.kind === "protocol";
}
