import type { ProviderError } from "../shared/errors.js";
import { VaultError } from "./vault-error.js";

/** No node of the connection serves anybody. */
export function isOutage(error: ProviderError): boolean {
  return error instanceof VaultError && ["outage", "sealed", "configuration"].includes(error.kind);
}

/** Nothing was decided: it may be tried again. */
export function isPassing(error: ProviderError): boolean {
  if (isOutage(error) || !(error instanceof VaultError)) return true;
  return ["engine", "namespace", "quota", "protocol"].includes(error.kind);
}
