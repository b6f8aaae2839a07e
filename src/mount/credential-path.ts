import type { VaultRequest } from "./mount-spec.js";

/**
 * Whether each read makes a credential of its own, as far as Vault's usual paths tell: `database/creds/app`, `aws/sts/app`,
 * `gcp/roleset/app/key`.
 */
export function makesCredential({ path }: VaultRequest): boolean {
  if (/\/(roleset|static-account|impersonated-account)\/[^/]+\/(key|token)$/.test(path)) return true;
  return path.split("/").some((step) => step === "creds" || step === "sts");
}
