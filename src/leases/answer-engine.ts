import { type JsonObject, isJsonObject } from "../shared/json.js";
import { engineOf } from "../vault/engine.js";
import { isStored } from "./stored-secret.js";

/** Keys that only answers of one engine hold together, the rarer first. */
const keysOf: readonly [string, readonly string[]][] = [
  ["ssh", ["signed_key", "serial_number"]],
  ["pki", ["certificate", "serial_number"]],
  ["ldap", ["distinguished_names", "password"]],
  ["ldap", ["dn", "last_vault_rotation"]],
  ["kubernetes", ["service_account_token"]],
  ["transit", ["plaintext"]],
  ["transit", ["ciphertext"]],
  ["aws", ["access_key", "secret_key"]],
  ["gcp", ["expires_at_seconds", "token_ttl"]],
  ["gcp", ["private_key_data"]],
  ["azure", ["client_id", "client_secret"]],
  ["database", ["username", "password"]],
];
/** Engines that are told by the name of their mount before all else: their answers are like those of others. */
const byName = ["rabbitmq", "identity", "totp", "consul", "nomad", "terraform"];

/**
 * The type of the engine that answered: as Vault names it (`mount_type`), or where it does not (OpenBao 2.6), as the
 * answer's keys and the mount's name tell; `""` if they do not. For people; nothing is decided by it.
 */
export function engineIn(path: string, body: JsonObject): string {
  const { mount_type: named, data } = body;
  if (typeof named === "string" && named !== "") return /^[\w.-]{1,64}$/.test(named) ? named : "";
  if (isStored(path, body)) return path.startsWith("cubbyhole/") ? "cubbyhole" : "kv";
  const mount = engineOf(path);
  const ofName = byName.find((type) => mount.split("/").includes(type));
  if (ofName || !isJsonObject(data)) return ofName ?? "";
  return keysOf.find(([, keys]) => keys.every((key) => key in data))?.[0] ?? "";
}
