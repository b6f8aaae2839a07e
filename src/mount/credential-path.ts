import type { VaultRequest } from "./mount-spec.js";

/** Whether each read makes a credential of its own, as far as Vault's usual paths tell: `database/creds/app`, `aws/sts/app`. */
export function makesCredential({ path }: VaultRequest): boolean {
  return path.split("/").some((step) => step === "creds" || step === "sts");
}
