import { named } from "../shared/quoted.js";

/**
 * The policy by which Sentinel denies a request, in our words; `undefined` where it is not Sentinel that does. Vault Enterprise and
 * HCP: an endpoint governing policy (EGP) also applies to logins, a role governing one (RGP) to identities, each beside what the
 * ACL policies allow (developer.hashicorp.com, "Sentinel policies"; `1 error occurred: * egp standard policy "root/NAME" …`).
 */
export function sentinelPolicyIn(errors: readonly string[]): string | undefined {
  for (const error of errors) {
    const found = /\b([er]gp) (?:standard )?policy "([^"]{1,200})" evaluation resulted in denial/.exec(error);
    if (!found) continue;
    const [, kind = "", name = ""] = found;
    return `the Sentinel policy ${named(name)} (${kind.toUpperCase()})`;
  }
  return undefined;
}
