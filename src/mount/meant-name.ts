import { nearest } from "../shared/spelling.js";

/**
 * What parameters and fields are called elsewhere, in small letters: by Vault's own tools and the Agent (`role`, `address`,
 * `namespace`, `field`), by the driver's providers for other clouds (`objectAlias`, `path`), and by External Secrets (`property`).
 */
const elsewhere: Readonly<Record<string, string>> = {
  role: "roleName",
  vaultrole: "roleName",
  address: "vaultAddress",
  addr: "vaultAddress",
  vaultaddr: "vaultAddress",
  vault_addr: "vaultAddress",
  namespace: "vaultNamespace",
  vault_namespace: "vaultNamespace",
  authpath: "vaultAuthMountPath",
  authmountpath: "vaultAuthMountPath",
  mountpath: "vaultAuthMountPath",
  path: "secretPath",
  objectpath: "secretPath",
  key: "secretKey",
  field: "secretKey",
  property: "secretKey",
  name: "objectName",
  filename: "objectName",
  objectalias: "objectName",
  args: "secretArgs",
  permission: "filePermission",
  mode: "filePermission",
};

/** The known name that is meant by one that is not: by what it is called elsewhere, else by its spelling. */
export function meantName(written: string, known: readonly string[]): string | undefined {
  const name = written.length > 64 ? "" : written.toLowerCase();
  const usual = Object.hasOwn(elsewhere, name) ? elsewhere[name]! : "";
  return known.includes(usual) ? usual : nearest(written, known);
}
