import { type Json, type JsonObject, isJsonNumber, isJsonObject } from "../shared/json.js";

/** Engines that answer a read with what a user stored. */
const storing: ReadonlySet<Json | undefined> = new Set(["kv", "generic", "cubbyhole"]);

/**
 * Whether the answer to a read is what a user stored, whose keys (`ttl`, `expires_at`, …) mean nothing to Vault. Vault
 * names the engine (`mount_type`). OpenBao 2.6 and older Vaults do not; there the shape tells: KV v2 nests the secret beside
 * its metadata, KV v1 sends a duration without a lease, and the cubbyhole is always at its one path.
 */
export function isStored(path: string, body: JsonObject): boolean {
  const { data, lease_id: lease, lease_duration: duration, mount_type: engine } = body;
  const isKv1 = !lease && isJsonNumber(duration) && duration.toString() !== "0";
  return storing.has(engine) || isKv1 || (isJsonObject(data) && isKv2(data)) || path.startsWith("cubbyhole/");
}

/** Whether an answer's `data` is one of KV version 2. */
export function isKv2(data: JsonObject): boolean {
  const { metadata } = data;
  return "data" in data && isJsonObject(metadata) && "created_time" in metadata && "version" in metadata;
}
