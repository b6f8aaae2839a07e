import { inject } from "vitest";
import { Administrator } from "../vault/administrator.js";
import { type DevVault, type DevVaultOptions, startDevVault } from "../vault/dev-vault.js";
import type { Product } from "../vault/product.js";
import type { ServiceAccountTokenOptions } from "../vault/service-account-issuer.js";

declare module "vitest" {
  interface ProvidedContext {
    /** Whose answers the tests of this run are played against, unless one says otherwise (vitest.config.ts). */
    product: Product;
  }
}

/** An embedded Vault with something in it. */
export interface ReadyVault {
  readonly vault: DevVault;
  readonly admin: Administrator;
  readonly address: string;
  /** For pod `web-0` (uid `uid-1`) of service account `web` in namespace `shop`, audience `vault`, unless said. */
  readonly mint: (options?: Partial<ServiceAccountTokenOptions>) => string;
  readonly stop: () => Promise<void>;
}

/** The role `web` of kubernetes auth, for the service account `shop/web`. */
export const webRole = {
  bound_service_account_names: ["web"],
  bound_service_account_namespaces: ["shop"],
  audience: "vault",
  token_policies: ["web"],
  token_ttl: "1h",
  token_max_ttl: "24h",
};

/**
 * A Vault with kubernetes auth at `kubernetes/`, whose role `web` lets `shop/web` (audience `vault`, TTL 1 h, at most
 * 24 h) read, list and issue everything below `kv/` (version 2; `kv/data/app` holds `{password: "hunter2"}`), `kv1/`
 * (`kv1/app` holds `{password: "one"}`), and what a test mounts at `database/`, `pki/`, `transit/`.
 */
export async function startReadyVault(options: DevVaultOptions = {}): Promise<ReadyVault> {
  const vault = await startDevVault({ product: inject("product"), ...options });
  const admin = new Administrator({ address: vault.address, token: vault.rootToken });
  await admin.write("sys/mounts/kv", { type: "kv", options: { version: "2" } });
  await admin.write("sys/mounts/kv1", { type: "kv", options: { version: "1" } });
  await admin.putSecret("app", { password: "hunter2" });
  await admin.write("kv1/app", { password: "one" });
  await admin.write("sys/policies/acl/web", { policy: readEverything });
  await admin.write("sys/auth/kubernetes", { type: "kubernetes" });
  await admin.write("auth/kubernetes/config", { kubernetes_host: "https://127.0.0.1:6443" });
  await admin.write("auth/kubernetes/role/web", webRole);
  vault.log.clear();
  return {
    vault,
    admin,
    address: vault.address,
    mint: (options) => vault.mintServiceAccountToken({ ...principal, ...options }),
    stop: () => vault.stop(),
  };
}

const principal: ServiceAccountTokenOptions = {
  namespace: "shop",
  serviceAccount: "web",
  pod: { name: "web-0", uid: "uid-1" },
  audiences: ["vault"],
};

const readEverything = ["kv", "kv1", "database", "pki", "transit"]
  .map((mount) => `path "${mount}/*" { capabilities = ["create", "read", "update", "list"] }`)
  .join("\n");
