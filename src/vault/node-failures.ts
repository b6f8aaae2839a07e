import type { Failure } from "./failure.js";
import { VaultError } from "./vault-error.js";

export function sealed(status: number, origin: string): Failure {
  const error = new VaultError("sealed", `Vault at ${origin} is sealed; an operator has to unseal it`, { status });
  return { error, retry: "elsewhere", scope: "node" };
}

export function uninitialised(status: number, origin: string): Failure {
  const error = new VaultError("outage", `Vault at ${origin} is not initialised`, { status });
  return { error, retry: "elsewhere", scope: "node" };
}
