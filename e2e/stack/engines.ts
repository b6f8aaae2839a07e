import type { Application } from "./application.js";
import { type Postgres, enableDatabaseEngine } from "./postgres.js";
import type { VaultApi } from "./vault-api.js";

/** The mounts of an application's own engines in Vault, and its role that may use all of them. */
export interface Engines {
  readonly database: string;
  readonly pki: string;
  readonly transit: string;
  readonly role: string;
}

/** Durations as Vault reads them. */
export interface Lifetimes {
  /** Of the database role `app`. */
  readonly ttl: string;
  readonly maxTtl: string;
  /** Of the application's Vault tokens. */
  readonly tokenTtl?: string;
  readonly tokenMaxTtl?: string;
}

export async function enableEngines(
  { namespace, serviceAccount, vault }: Application,
  logins: Pick<Postgres, "socket">,
  { ttl, maxTtl, tokenTtl = "1h", tokenMaxTtl = "24h" }: Lifetimes,
): Promise<Engines> {
  const engines = { database: `db-${namespace}`, pki: `pki-${namespace}`, transit: `transit-${namespace}` };
  const { database, pki, transit } = engines;
  const role = `${namespace}-leases`;
  await enableDatabaseEngine(vault, logins, { name: "app", ttl, maxTtl }, database);
  await vault.request("POST", `sys/mounts/${pki}`, { type: "pki", config: { max_lease_ttl: "87600h" } });
  await vault.request("POST", `sys/mounts/${transit}`, { type: "transit" });
  const used = [`${database}/*`, `${pki}/*`, `${transit}/*`, `secret/data/${namespace}/*`];
  const capabilities = '["create", "read", "update"]';
  await vault.writePolicy(role, used.map((path) => `path "${path}" { capabilities = ${capabilities} }`).join("\n"));
  await vault.writeRole(role, {
    namespaces: [namespace],
    serviceAccounts: [serviceAccount],
    policies: [role],
    audience: "vault",
    ttl: tokenTtl,
    maxTtl: tokenMaxTtl,
  });
  return { ...engines, role };
}

/** The objects of a class that mounts a login of that database. */
export function loginObjects(database: string, role = "app"): object[] {
  return ["username", "password"].map((secretKey) => ({
    objectName: secretKey === "username" ? "user" : "password",
    secretPath: `${database}/creds/${role}`,
    secretKey,
  }));
}

/**
 * Gives the PKI engine at `pki` an intermediate CA below a root of its own, and a role `web` for names below `shop.test`.
 * The root, which is all that clients trust, as PEM.
 */
export async function setUpPki(vault: VaultApi, pki: string): Promise<string> {
  const root = `${pki}-root`;
  await vault.request("POST", `sys/mounts/${root}`, { type: "pki", config: { max_lease_ttl: "87600h" } });
  const { data: made } = await vault.request("POST", `${root}/root/generate/internal`, {
    common_name: "root",
    ttl: "8760h",
  });
  const rootPem = made["certificate"] as string;
  const { data: asking } = await vault.request("POST", `${pki}/intermediate/generate/internal`, {
    common_name: "intermediate",
  });
  const { data: signed } = await vault.request("POST", `${root}/root/sign-intermediate`, {
    csr: asking["csr"],
    ttl: "8000h",
  });
  const chain = [signed["certificate"], rootPem].join("\n");
  await vault.request("POST", `${pki}/intermediate/set-signed`, { certificate: chain });
  await vault.request("POST", `${pki}/roles/web`, {
    allowed_domains: ["shop.test"],
    allow_subdomains: true,
    key_type: "ec",
    key_bits: 256,
    max_ttl: "1h",
    not_before_duration: "1s",
  });
  return rootPem;
}

/** The same without an intermediate, and with RSA keys. */
export async function setUpRoot(vault: VaultApi, pki: string): Promise<string> {
  const about = { common_name: "root", ttl: "8760h" };
  const { data: made } = await vault.request("POST", `${pki}/root/generate/internal`, about);
  const role = { allowed_domains: ["shop.test"], allow_subdomains: true, max_ttl: "1h", not_before_duration: "1s" };
  await vault.request("POST", `${pki}/roles/web`, role);
  return made["certificate"] as string;
}
