import { expect, test } from "vitest";
import { parseExactJson } from "../shared/exact-json.js";
import type { JsonObject } from "../shared/json.js";
import { isStored } from "./stored-secret.js";

const token = { token: "t", ttl: 60 };
const kv2 = { data: token, metadata: { created_time: "2026-01-01T00:00:00Z", custom_metadata: null, version: 1 } };
const plain = { lease_id: "", lease_duration: 0 };

/** As Vault 1.21.1 answers, and OpenBao 2.6, which sends no `mount_type`. */
test.each<[boolean, string, string, object]>([
  [true, "KV v2 of Vault", "secret/data/a", { ...plain, mount_type: "kv", data: kv2 }],
  [true, "KV v2 of OpenBao", "secret/data/a", { ...plain, data: kv2 }],
  [true, "a deleted version", "secret/data/a", { ...plain, data: { ...kv2, data: null } }],
  [true, "KV v1 of Vault", "kv/a", { ...plain, lease_duration: 60, mount_type: "kv", data: token }],
  [true, "KV v1 of Vault with a ttl of 0", "kv/a", { ...plain, mount_type: "kv", data: { ...token, ttl: 0 } }],
  [true, "KV v1 of OpenBao", "kv/a", { ...plain, lease_duration: 2_764_800, data: token }],
  [true, "the cubbyhole of Vault", "cubbyhole/a", { ...plain, mount_type: "cubbyhole", data: token }],
  [true, "the cubbyhole of OpenBao", "cubbyhole/a", { ...plain, data: token }],
  [false, "identity of Vault", "identity/oidc/token/a", { ...plain, mount_type: "identity", data: token }],
  [false, "identity of OpenBao", "identity/oidc/token/a", { ...plain, data: token }],
  [false, "a lease", "nomad/creds/a", { lease_id: "nomad/creds/a/x", lease_duration: 60, data: token }],
  [false, "data within data", "plugin/a", { ...plain, data: { data: token, metadata: {} } }],
  [false, "metadata that is no map", "plugin/a", { ...plain, data: { data: token, metadata: "created_time version" } }],
  [false, "no data", "plugin/a", { ...plain, data: null }],
])("%s: %s", (stored, _what, path, body) => {
  expect(isStored(path, parseExactJson(Buffer.from(JSON.stringify(body))) as JsonObject)).toBe(stored);
});
