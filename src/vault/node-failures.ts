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

/** In the `errors` of all that one is asked (400), in lower case. */
export const recoverySays = "path disabled in replication dr secondary mode";

/** Of Vault Enterprise: it takes no requests of clients, not even a login, before it is promoted. */
export function disasterRecovery(status: number, origin: string): Failure {
  const what = `Vault at ${origin} is a disaster recovery secondary, which serves no clients; the connection's addresses should lead to the primary`;
  return { error: new VaultError("outage", what, { status }), retry: "elsewhere", scope: "node" };
}
