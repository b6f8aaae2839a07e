import { expect, test } from "vitest";
import { parseExactJson } from "../shared/exact-json.js";
import type { JsonObject } from "../shared/json.js";
import { engineIn } from "./answer-engine.js";

const user = { username: "u", password: "p" };
const certificate = { certificate: "c", private_key: "k", serial_number: "1" };
const kv2 = { data: certificate, metadata: { created_time: "", version: 1 } };

test.each<[string, string, object]>([
  ["database", "db/creds/app", { mount_type: "database", data: user }],
  ["my-plugin", "x/y", { mount_type: "my-plugin", data: user }],
  ["", "x/y", { mount_type: "a\nb", data: user }],
  // OpenBao names none.
  ["database", "team/db/creds/app", { data: user }],
  ["database", "db/static-creds/app", { data: { ...user, last_vault_rotation: "", ttl: 1 } }],
  ["rabbitmq", "team/rabbitmq/creds/app", { data: user }],
  ["ldap", "ad/creds/app", { data: { ...user, distinguished_names: [] } }],
  ["ldap", "ad/static-cred/app", { data: { ...user, dn: "", last_vault_rotation: "" } }],
  ["pki", "ca/issue/web", { data: certificate }],
  ["ssh", "keys/sign/app", { data: { serial_number: "1", signed_key: "ssh-…" } }],
  ["transit", "eaas/decrypt/app", { data: { plaintext: "" } }],
  ["identity", "identity/oidc/token/app", { data: { client_id: "x", token: "t", ttl: 60 } }],
  ["kubernetes", "k8s/creds/app", { data: { service_account_token: "t" } }],
  ["kv", "secret/data/web", { data: kv2 }],
  ["kv", "kv/web", { lease_duration: 60, data: certificate }],
  ["cubbyhole", "cubbyhole/web", { data: certificate }],
  ["", "plugin/web", { data: { anything: 1 } }],
  ["", "plugin/web", { data: null }],
])("%s answers %s", (engine, path, body) => {
  expect(engineIn(path, parseExactJson(Buffer.from(JSON.stringify(body))) as JsonObject)).toBe(engine);
});
