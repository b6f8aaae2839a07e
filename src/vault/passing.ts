import type { ProviderError } from "../shared/errors.js";
import { VaultError } from "./vault-error.js";

/** Vault did not answer as a live one does. */
export function isOutage(error: ProviderError): boolean {
  return error instanceof VaultError && ["outage", "sealed", "quota", "configuration"].includes(error.kind);
}

/** Vault said that something behind it failed (400, 500): an engine, an auth method, what it keeps of a token or lease. */
export function isEngineFailure(error: ProviderError): boolean {
  if (!(error instanceof VaultError)) return false;
  const { kind, status } = error;
  return (kind as string) === "engine" || (kind === "outage" && (status === 400 || status === 500));
}

/** The node gave no answer, or one that speaks for all of it: whoever asks it next fares no better. */
export function isNodeOutage(error: ProviderError): boolean {
  return error instanceof VaultError && ["outage", "sealed"].includes(error.kind) && !isEngineFailure(error);
}

/** Nothing was decided: it may be tried again. */
export function isPassing(error: ProviderError): boolean {
  return isOutage(error) || isEngineFailure(error) || !(error instanceof VaultError) || error.kind === "protocol";
}
