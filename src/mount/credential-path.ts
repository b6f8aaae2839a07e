import type { VaultRequest } from "./mount-spec.js";

/** Whether its method only reads; of a GET the answer may show that it made something all the same. */
export function reads({ method }: VaultRequest): boolean {
  return method === "GET" || method === "LIST";
}

/**
 * Whether each read makes a credential of its own, as far as Vault's usual paths tell: `database/creds/app`, `aws/sts/app`,
 * `gcp/roleset/app/key`.
 */
export function makesCredential({ path }: VaultRequest): boolean {
  if (/\/(roleset|static-account|impersonated-account)\/[^/]+\/(key|token)$/.test(path)) return true;
  return path.split("/").some(holdsCredentialRoles);
}

/** Every name after this step of a path is a role whose read makes a credential. */
export function holdsCredentialRoles(step: string): boolean {
  return step === "creds" || step === "sts";
}
