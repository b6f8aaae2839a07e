import { expect, test } from "vitest";
import { threadCpuMs } from "../../dev/testing/thread-cpu.js";
import { Redacted } from "../shared/redacted.js";
import { maskedSentence, spokenBy } from "./masked-sentence.js";
import { errorsIn } from "./vault-errors.js";

interface Sent {
  path?: string;
  query?: string;
  args?: unknown;
}

function sentence(error: string, { path = "engine/creds/app", query = "", args }: Sent = {}): string | undefined {
  const sent = args === undefined ? {} : { args: new Redacted(JSON.stringify(args)) };
  return maskedSentence(errorsIn({ errors: [error] }), spokenBy({ path, query, ...sent })!);
}

/** Texts of Vault 1.21.1's engines, from their sources, with what they quote. */
test.each<[engine: string, error: string, shown: string, sent?: Sent]>([
  ["aws", 'Role "app" not found', 'Role "app" not found'],
  [
    "aws",
    "Error assuming role: AccessDenied: User: arn:aws:iam::123456789012:user/v is not authorized",
    "Error assuming role: AccessDenied: User: … is not authorized",
  ],
  ["kubernetes", "role 'app' does not exist", "role 'app' does not exist"],
  ["kubernetes", "'kubernetes_namespace' is required", "'kubernetes_namespace' is required"],
  [
    "kubernetes",
    "kubernetes_namespace 'shop' is not present in role's allowed_kubernetes_namespaces",
    "kubernetes_namespace 'shop' is not present in role's allowed_kubernetes_namespaces",
    { args: { kubernetes_namespace: "shop" } },
  ],
  ["gcp", "role set 'app' does not exists", "role set 'app' does not exists"],
  ["totp", "unknown key: app", "unknown key: app"],
  ["ssh", "missing public_key", "missing public_key"],
  ["ssh", 'failed to parse public_key as SSH key: "AAAAcanary"', "failed to parse public_key as SSH key: …"],
  ["kv", "no data provided", "no data provided"],
  [
    "kv",
    "check-and-set parameter did not match the current version",
    "check-and-set parameter did not match the current version",
  ],
  ["database", "unknown role: app", "unknown role: app"],
  ["database", '"app" is not an allowed role', '"app" is not an allowed role'],
  [
    "database",
    "unable to connect: failed to connect to `host=db.canary user=canary database=x`: dial error",
    "unable to connect: failed to connect to …: dial error",
  ],
  ["database", "failed at postgres://canary:canary@db:5432/app?x=y", "failed at …"],
  ["transit", "encryption key not found", "encryption key not found"],
  ["transit", "invalid ciphertext: no prefix", "invalid ciphertext: no prefix"],
  ["transit", "cipher: message authentication failed", "cipher: message authentication failed"],
  [
    "transit",
    "ciphertext or signature version is disallowed by policy (too old)",
    "ciphertext or signature version is disallowed by policy (too old)",
  ],
  [
    "transit",
    "failed to base64-decode plaintext canary words",
    "failed to … plaintext …",
    { args: { plaintext: "canary words" } },
  ],
  [
    "pki",
    "common name evil.org not allowed by this role",
    "common name evil.org not allowed by this role",
    { args: { common_name: "evil.org" } },
  ],
  [
    "pki",
    "subject alternate name b.evil.org not allowed by this role",
    "subject alternate name b.evil.org not allowed by this role",
    { args: { alt_names: "a.org,b.evil.org" } },
  ],
  [
    "pki",
    'the common_name field is required, or must be provided in a CSR with "use_csr_common_name" set to true, unless "require_cn" is set to false',
    'the common_name field is required, or must be provided in a CSR with "use_csr_common_name" set to true, unless "require_cn" is set to false',
  ],
  [
    "pki",
    "cannot satisfy request, as TTL would result in notAfter of 2027-01-02T03:04:05Z that is beyond the expiration of the CA certificate at 2026-12-31T00:00:00Z",
    "cannot satisfy request, as TTL would result in notAfter of 2027-01-02T03:04:05Z that is beyond the expiration of the CA certificate at 2026-12-31T00:00:00Z",
  ],
  [
    "pki",
    "Field validation failed: error converting input [map[a:canary]] for field \"alt_names\": '' expected type 'string'",
    'Field validation failed: the value of the field "alt_names" has not the form that it must have',
    { args: { alt_names: { a: "canary" } } },
  ],
  [
    "kv",
    "1 error occurred:\n\t* Field validation failed: error converting input abc for field \"version\": cannot parse 'version' as int\n\n",
    'Field validation failed: the value of the field "version" has not the form that it must have',
    { query: "version=abc" },
  ],
  ["any", 'time: invalid duration "canary"', "time: invalid duration …", { args: { ttl: "canary" } }],
  [
    "consul",
    "Unexpected response code: 403 (rpc error making call: Permission denied: token with AccessorID '3f1canary' lacks permission)",
    "Unexpected response code: 403 (rpc error making call: Permission denied: token with AccessorID … lacks permission)",
  ],
  ["rabbitmq", "failed to create user canary1: 401 Unauthorized", "failed to create user …: 401 Unauthorized"],
  [
    "azure",
    "InvalidTenant: tenant 'https://sts.windows.net/canary/' does not match subscription 8f2c-canary-11",
    "InvalidTenant: tenant … does not match subscription …",
  ],
  ["any", "2 errors occurred:\n\t* permission denied\n\t* invalid request\n\n", "permission denied; invalid request"],
  ["any", "token hvs.CAESIcanary0123456789 of eyJhbGciOi.canary.x is bad", "token … of … is bad"],
  ["any", "role 'it's canary' is bad, isn't it", "role … is bad, isn't it"],
  ["any", String.raw`role "a\"b canary" is bad`, "role … is bad"],
  ["any", 'role "canary is bad', "role …"],
])("%s: %j", (_engine, error, shown, sent) => {
  expect(sentence(error, sent)).toBe(shown);
});

test.each<[string, unknown]>([
  ["as it is", { password: "hunter two" }],
  ["within a list", { items: ["hunter two"] }],
  ["deep down", { a: { b: [{ c: "hunter two" }] } }],
  ["in capitals", { password: "HUNTER TWO" }],
])("a value that was sent is not shown: %s", (_how, args) => {
  expect(sentence("cannot take hunter two, nor two of (hunter)", { args })).toBe("cannot take …, nor … of (…)");
});

test.each([
  ["a text that is nothing but what is masked", '"canary" 10.0.0.9:5432'],
  ["an empty one", "1 error occurred:\n\t* \n\n"],
])("nothing is quoted of %s", (_what, error) => {
  expect(sentence(error)).toBeUndefined();
});

test("nothing is quoted where too much was sent to look for", () => {
  const args = new Redacted(JSON.stringify({ plaintext: "x".repeat(70_000) }));
  expect(spokenBy({ path: "transit/encrypt/app", query: "", args })).toBeUndefined();
});

test("a token that is cut is not taken for a word", () => {
  expect(sentence(`${"not ".repeat(73)}eyJhbGciOiJub25lIn0.e30.x`)).toMatch(/^(not )+…$/);
});

test("a long text is cut, and seen to be", () => {
  expect(sentence("not ".repeat(200))).toMatch(/^(not )+…$/);
});

const values = Array.from({ length: 8_000 }, (_, n) => `v${n}`);
test.each([
  ["spaces", `x${" ".repeat(4 << 20)}x`],
  ["quotes", `"'\``.repeat(1 << 20)],
  ["escapes", `"${"\\".repeat(1 << 20)}`],
  ["counts", "1 error occurred:".repeat(200_000)],
  ["fields", "Field validation failed: error converting input ".repeat(100_000)],
])("a hostile error of %s costs little", (_what, error) => {
  const spoken = spokenBy({ path: "a/b", query: "", args: new Redacted(JSON.stringify({ values })) })!;
  const began = threadCpuMs();
  const text = maskedSentence(errorsIn({ errors: Array(10_000).fill(error) as string[] }), spoken) ?? "";
  expect(threadCpuMs() - began).toBeLessThan(1_000);
  expect(text.length).toBeLessThan(400);
});
