import { isIP } from "node:net";
import { badRequest, type Data, missing } from "./answer.js";
import { flag, list, seconds, text } from "./fields.js";

/** What certificates a role of the PKI engine may be asked for. Seconds; 0 is not set. */
export interface PkiRole {
  readonly domains: readonly string[];
  readonly subdomains: boolean;
  readonly bareDomains: boolean;
  readonly anyName: boolean;
  readonly localhost: boolean;
  readonly ipSans: boolean;
  readonly ttl: number;
  readonly maxTtl: number;
  readonly leased: boolean;
}

export function readRole(body: Data): PkiRole {
  const keyType = text(body, "key_type") || "rsa";
  if (keyType !== "rsa") throw badRequest(`the embedded Vault makes RSA keys only, not ${keyType}`);
  return {
    domains: list(body, "allowed_domains"),
    subdomains: flag(body, "allow_subdomains"),
    bareDomains: flag(body, "allow_bare_domains"),
    anyName: flag(body, "allow_any_name"),
    localhost: flag(body, "allow_localhost", true),
    ipSans: flag(body, "allow_ip_sans", true),
    ttl: seconds(body, "ttl"),
    maxTtl: seconds(body, "max_ttl"),
    leased: flag(body, "generate_lease"),
  };
}

/** The names asked for, all of which the role must allow. */
export function namesOf(body: Data, role: PkiRole) {
  const commonName = text(body, "common_name");
  if (commonName === "") {
    throw badRequest(
      'the common_name field is required, or must be provided in a CSR with "use_csr_common_name" set to true, unless "require_cn" is set to false',
    );
  }
  const alternates = list(body, "alt_names");
  if (!isAllowed(commonName, role)) throw badRequest(`common name ${commonName} not allowed by this role`);
  const odd = alternates.find((name) => !isAllowed(name, role));
  if (odd) throw badRequest(`subject alternate name ${odd} not allowed by this role`);
  const ipAddresses = list(body, "ip_sans");
  const notIp = ipAddresses.find((ip) => !isIP(ip));
  if (notIp) throw badRequest(`the value "${notIp}" is not a valid IP address`);
  const own = flag(body, "exclude_cn_from_sans") ? [] : [commonName];
  return { commonName, dnsNames: [...new Set([...own, ...alternates])], ipAddresses };
}

function isAllowed(name: string, role: PkiRole): boolean {
  if (role.anyName || (role.localhost && (name === "localhost" || name === "localdomain"))) return true;
  return role.domains.some(
    (domain) => (role.bareDomains && name === domain) || (role.subdomains && name.endsWith(`.${domain}`)),
  );
}

export function describeRole(role: PkiRole | undefined): Data {
  if (!role) throw missing();
  return {
    allow_any_name: role.anyName,
    allow_bare_domains: role.bareDomains,
    allow_ip_sans: role.ipSans,
    allow_localhost: role.localhost,
    allow_subdomains: role.subdomains,
    allowed_domains: role.domains,
    generate_lease: role.leased,
    key_bits: 2048,
    key_type: "rsa",
    max_ttl: role.maxTtl,
    ttl: role.ttl,
  };
}
