import { describe, expect, test } from "vitest";
import { Redacted } from "../shared/redacted.js";
import { sampleConnection } from "../../dev/testing/connection.js";
import type { Operation } from "./operation.js";
import { classifyResponse } from "./error-response.js";
import { isAway } from "./transient.js";
import { readReply } from "./vault-reply.js";

const connection = sampleConnection({ addresses: [{ origin: "https://a:8200" }, { origin: "https://b:8200" }] });
const read: Operation = { kind: "read", connection, vaultNamespace: "", method: "GET", path: "secret/data/app" };
const issue: Operation = { kind: "issue", connection, vaultNamespace: "", method: "POST", path: "pki/issue/web" };
const renew: Operation = { kind: "renew", connection, vaultNamespace: "", method: "POST", path: "sys/leases/renew" };
const renewSelf: Operation = { ...renew, path: "auth/token/renew-self" };
const login: Operation = {
  kind: "login",
  connection,
  vaultNamespace: "",
  method: "POST",
  path: "auth/kubernetes/login",
  login: { role: "web", authMount: "kubernetes", vaultNamespace: "", serviceAccount: "shop/web", audience: "vault" },
};
const E = (text: string) => ({ errors: [text] });
const denied = E("1 error occurred:\n\t* permission denied\n\n");
const invalid = E("2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n");

function understand(operation: Operation, status: number, body: unknown, headers: Record<string, string> = {}) {
  const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  const reply = readReply({ status, headers, body: bytes });
  return classifyResponse(operation, reply, { origin: "https://a:8200", wall: Date.parse("2026-01-01T00:00:00Z") })!;
}

/** A whole answer of an engine, which a failure may have in the place of `errors`. */
const whole = { request_id: "x", lease_id: "", renewable: false, lease_duration: 0, data: null, warnings: null };

function kv2(metadata: object) {
  const data = { data: null, metadata: { created_time: "x", custom_metadata: null, version: 3, ...metadata } };
  return { ...whole, data };
}

/** What the real Vault 1.21.1 answers, recorded, and what it means. */
describe("Vault's answers", () => {
  test.each<[string, Operation, number, unknown, string, RegExp]>([
    ["a secret that is not there", read, 404, { errors: [] }, "missing", /^nothing at secret\/data\/app$/],
    ["a version that is not there", { ...read, query: "version=7" }, 404, { errors: [] }, "missing", /version=7/],
    [
      "a deleted version",
      read,
      404,
      kv2({ deletion_time: "2026-01-01T00:00:00Z", destroyed: false }),
      "deleted",
      /version 3 was deleted at 2026-01-01T00:00:00Z/,
    ],
    [
      "a destroyed version",
      read,
      404,
      kv2({ deletion_time: "", destroyed: true }),
      "destroyed",
      /version 3 was destroyed/,
    ],
    [
      "a KV v2 path without data/",
      { ...read, path: "secret/app/db" },
      404,
      { ...whole, warnings: ["Invalid path for a versioned K/V secrets engine. See the API docs …"] },
      "refused",
      /where data\/ stands after the mount's name$/,
    ],
    [
      "a path without an engine, as root",
      { ...read, path: "nope/data/x" },
      404,
      E('no handler for route "nope/data/x". route entry not found.'),
      "refused",
      /no engine is mounted/,
    ],
    [
      "a 404 for a reason",
      read,
      404,
      E("1 error occurred:\n\t* unsupported path\n\n"),
      "refused",
      /: unsupported path$/,
    ],
    ["a 404 for a reason of its own", read, 404, E("'canary'"), "refused", /\(404\); its reason may quote/],
    ["a 404 without errors", read, 404, whole, "refused", /\(404\); its reason may quote/],
    [
      "a secret that is wrapped",
      read,
      200,
      { data: null, wrap_info: { token: "canary", accessor: "x", ttl: 60 } },
      "refused",
      /^Vault answers secret\/data\/app with a wrapping token instead of the secret: a control group, .*; take it off for this role$/,
    ],
    [
      "a KV v2 folder listed without metadata/",
      { ...read, method: "LIST", path: "secret/dir" },
      404,
      { ...whole, warnings: ["Invalid path for a versioned K/V secrets engine. See the API docs …"] },
      "refused",
      /where LIST wants metadata\/ after the mount's name$/,
    ],
    ["a denial", read, 403, denied, "denied", /permission denied: GET secret\/data\/app/],
    ["a denial at an engine that is not KV", { ...read, path: "db/creds/x" }, 403, denied, "denied", /does not exist$/],
    ["a dead token", read, 403, invalid, "token_invalid", /no longer valid/],
    ["a dead token at OpenBao, or Vault before 1.17", read, 403, E("permission denied"), "token_invalid", /no longer/],
    ["its renewal", renewSelf, 403, E("permission denied"), "token_invalid", /no longer valid/],
    [
      "a renewal that policy denies",
      renewSelf,
      403,
      denied,
      "denied",
      /permission denied: POST auth\/token\/renew-self/,
    ],
    [
      "a renewal that OpenBao 2.6.4 refuses, for the service account token has ended",
      renewSelf,
      403,
      E("1 error occurred:\n\t* failed to renew entry: permission denied\n\n"),
      "refused",
      /does not renew it any further \(403\)/,
    ],
    ["jwt: no such role", login, 400, E('role "web" could not be found'), "login_denied", /has no role web/],
    ["kubernetes: no such role", login, 400, E('invalid role name "web"'), "login_denied", /has no role web/],
    [
      "jwt: garbage",
      login,
      400,
      E(
        "error validating token: error verifying token signature: go-jose/go-jose: compact JWS format must have three parts",
      ),
      "login_denied",
      /does not trust the cluster/,
    ],
    [
      "jwt: expired",
      login,
      400,
      E("error validating token: invalid expiration time (exp) claim: token is expired"),
      "login_denied",
      /has expired/,
    ],
    [
      "jwt: wrong audience",
      login,
      400,
      E("error validating token: invalid audience (aud) claim: audience claim does not match any expected audience"),
      "login_denied",
      /bound_audiences/,
    ],
    [
      "service account",
      login,
      403,
      E("service account name not authorized"),
      "login_denied",
      /bound_service_account_names/,
    ],
    ["namespace", login, 403, E("namespace not authorized"), "login_denied", /bound_service_account_namespaces/],
    ["a bare 403 on a login", login, 403, E("permission denied"), "login_denied", /role web.*TokenReview/],
    [
      "a bare 403 on a login at a jwt mount",
      { ...login, connection: { ...connection, authMethod: "jwt" } },
      403,
      E("permission denied"),
      "login_denied",
      /or its token_bound_cidrs leave this node's address out, or auth\/kubernetes does not exist$/,
    ],
    ["a login's text we do not know", login, 400, E("canary"), "login_denied", /see the role web/],
    ["a lease that is gone", renew, 400, E("lease not found"), "lease_gone", /lease/],
    ["a renewal, its engine down", renew, 400, E("failed to renew entry: resp: canary"), "engine", /could not renew/],
    ["a quota", read, 429, E('request path "kv1/app/a": rate limit quota exceeded'), "quota", /quota/],
    ["a sealed Vault", read, 503, E("Vault is sealed"), "sealed", /https:\/\/a:8200 is sealed/],
    ["no leader", read, 500, E("local node not active but active cluster node not found"), "outage", /no active node/],
    ["a leader lost", issue, 500, E("x: leadership lost while committing log"), "outage", /no active node/],
    ["a database that is down", issue, 500, E("failed to connect to `host=canary user=canary`"), "engine", /500/],
    [
      "no such AWS role",
      { ...issue, path: "engine/creds/app" },
      400,
      E('Role "app" not found'),
      "refused",
      /\(400\): Role "app" not found$/,
    ],
    [
      "no such Kubernetes role",
      { ...issue, path: "engine/creds/app" },
      400,
      E("role 'app' does not exist"),
      "refused",
      /: role 'app' does not exist$/,
    ],
    [
      "no such GCP role set",
      { ...issue, path: "gcp/roleset/app/key" },
      400,
      E("role set 'app' does not exists"),
      "refused",
      /: role set 'app' does not exists$/,
    ],
    [
      "no such TOTP key",
      { ...issue, path: "engine/creds/app" },
      400,
      E("unknown key: app"),
      "refused",
      /: unknown key: app$/,
    ],
    ["an SSH request without its key", issue, 400, E("missing public_key"), "refused", /: missing public_key$/],
    ["a KV write of nothing", issue, 400, E("no data provided"), "refused", /: no data provided$/],
    [
      "a field of the wrong form, whose value stays home",
      { ...issue, args: new Redacted('{"alt_names":{"a":"canary"}}') },
      400,
      E(
        "Field validation failed: error converting input [map[a:canary]] for field \"alt_names\": '' expected type canary",
      ),
      "refused",
      /: Field validation failed: the value of the field "alt_names" has not the form that it must have$/,
    ],
    [
      "a version that is no number",
      { ...read, query: "version=abc" },
      400,
      E(
        '1 error occurred:\n\t* Field validation failed: error converting input canary for field "version": strconv.ParseInt\n\n',
      ),
      "refused",
      /the field "version" has not the form/,
    ],
    [
      "addresses the CA's role does not allow",
      issue,
      400,
      E("IP Subject Alternative Names are not allowed in this role, but was provided 10.0.0.9"),
      "refused",
      /: IP Subject Alternative Names are not allowed in this role, but was provided …$/,
    ],
    [
      "no such database role",
      { ...read, path: "db/creds/nope" },
      400,
      E("unknown role: nope"),
      "refused",
      /\(400\): unknown role: nope$/,
    ],
    [
      "a name the CA's role does not allow",
      { ...issue, args: new Redacted('{"common_name":"evil.org"}') },
      400,
      E("common name evil.org not allowed by this role"),
      "refused",
      /: common name evil.org not allowed by this role$/,
    ],
    [
      "a tampered ciphertext",
      issue,
      400,
      E("cipher: message authentication failed"),
      "refused",
      /authentication failed$/,
    ],
    [
      "a batch with a bad item",
      issue,
      400,
      { ...whole, data: { batch_results: [{ error: "canary" }] } },
      "refused",
      /reason may quote/,
    ],
    ["a method the path does not take", read, 405, { errors: [] }, "refused", /does not take GET/],
    ["a replica that is behind", read, 412, { errors: ["required index state not present"] }, "outage", /caught up/],
  ])("%s", (_name, operation, status, body, kind, message) => {
    const { error } = understand(operation, status, body);
    expect(error).toMatchObject({ kind, status });
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain("canary");
  });

  test.each<[string, Operation, number, unknown, string | undefined]>([
    ["a denial", read, 403, denied, "any"],
    ["a denied list", { ...read, method: "LIST", path: "secret" }, 403, denied, "any"],
    ["nothing there", read, 404, { errors: [] }, "any"],
    [
      "a path KV version 2 does not have",
      read,
      404,
      { ...whole, warnings: ["Invalid path for a versioned K/V …"] },
      "kv2",
    ],
    ["no engine", read, 404, E('no handler for route "nope/data/x". route entry not found.'), "none"],
    [
      "no mount, of a look-up",
      { ...read, kind: "lookup", path: "sys/internal/ui/mounts/x" },
      403,
      E('preflight capability check returned 403, please ensure client\'s policies grant access to path "x/"'),
      "none",
    ],
    [
      "a bare denial of a look-up",
      { ...read, kind: "lookup", path: "sys/internal/ui/mounts/x" },
      403,
      denied,
      undefined,
    ],
    ["a denied write", issue, 403, denied, undefined],
    ["a denial in Vault's own paths", { ...read, path: "auth/token/lookup-self" }, 403, denied, undefined],
    ["a denial of a mount itself", { ...read, path: "secret" }, 403, denied, undefined],
    ["a dead token", read, 403, invalid, undefined],
    ["a deleted version", read, 404, kv2({ deletion_time: "2026-01-01T00:00:00Z", destroyed: false }), undefined],
    ["another reason", read, 400, E("unknown role: x"), undefined],
  ])("what it leaves open about the mount: %s", (_name, operation, status, body, mount) => {
    expect(understand(operation, status, body).error.mount).toBe(mount);
  });

  test("a success is no refusal", () => {
    expect(understand(read, 200, {})).toBeUndefined();
    expect(understand(read, 204, "")).toBeUndefined();
  });
});

describe("what is not Vault's", () => {
  test.each<[number, string, string, RegExp]>([
    [502, "<html>canary</html>", "outage", /^https:\/\/a:8200 answered with 502$/],
    [403, "<html>canary</html>", "protocol", /answered 403 .*\(text\/html\)/],
    [404, "404 page not found", "protocol", /is it Vault/],
    [404, "<html>no /Client sent an HTTP request to an HTTPS server here: canary", "protocol", /is it Vault/],
    [501, "<html>canary</html>", "outage", /answered with 501$/],
    [301, "", "protocol", /redirect \(301\)$/],
    [403, "", "protocol", /answered 403 with something that is not Vault's JSON/],
    [403, '{"message":"canary"}', "protocol", /not Vault's JSON/],
    [401, '{"message":"canary"}', "protocol", /not Vault's JSON/],
    [404, '{"message":"canary","request_id":"canary"}', "protocol", /not Vault's JSON/],
    [403, '{"success":false,"errors":[{"message":"canary"}]}', "protocol", /not Vault's JSON/],
    [403, '{"kind":"Status","message":"canary","code":403}', "protocol", /not Vault's JSON/],
    [500, '{"message":"canary"}', "outage", /answered with 500$/],
    [429, "<html>canary</html>", "quota", /^a rate limit of what stands before Vault at https:\/\/a:8200 is exceeded/],
  ])("%i %s", (status, body, kind, message) => {
    const { error } = understand(read, status, body, { "content-type": "text/html; charset=utf-8" });
    expect(error).toMatchObject({ kind, message: expect.stringMatching(message) as string });
    expect(error.message).not.toContain("canary");
  });

  // What a token, a lease or a login is refused by something before Vault must neither end it nor blame its role.
  test.each<[string, Operation]>([
    ["a login", login],
    ["a token's renewal", renewSelf],
    ["a lease's renewal", renew],
    ["a token's look at itself", { ...read, kind: "lookup", path: "auth/token/lookup-self" }],
  ])("is no verdict on %s", (_what, operation) => {
    for (const [status, body] of [
      [400, ""],
      [401, '{"message":"no"}'],
      [403, ""],
      [403, '{"message":"no"}'],
      [404, '{"message":"no route"}'],
    ] as const) {
      expect(understand(operation, status, body)).toMatchObject({ error: { kind: "protocol" }, scope: "unsettled" });
    }
  });

  test.each([
    [
      "elsewhere",
      "https://vault.example/v1/x",
      / \(301\) to https:\/\/vault\.example; if Vault is there, write that as/,
    ],
    ["to another path of its own", "/ui/", / \(301\)$/],
  ])("redirects %s", (_where, location, message) => {
    expect(understand(read, 301, "", { location }).error.message).toMatch(message);
  });
});

test.each<[string, Operation]>([
  ["a login", login],
  ["a read", read],
  ["a token's renewal", renewSelf],
])("a disaster recovery secondary is the node's fault, not that of %s", (_what, operation) => {
  const failure = understand(operation, 400, E("path disabled in replication DR secondary mode"));
  expect(failure).toMatchObject({ error: { kind: "outage" }, retry: "elsewhere", scope: "unsettled" });
  expect(failure.error.message).toBe(
    "Vault at https://a:8200 is a disaster recovery secondary, which serves no clients; the connection's addresses should lead to the primary",
  );
});

test("a login that wants a second factor is told so, not that its answer cannot be read", () => {
  const auth = { client_token: "", policies: null, mfa_requirement: { mfa_request_id: "canary", mfa_constraints: {} } };
  const { error } = understand(login, 200, { ...whole, auth });
  expect(error).toMatchObject({ kind: "login_denied" });
  expect(error.message).toMatch(
    /^Vault refused the login of shop\/web \(audience "vault"\): it demands a second factor \(MFA\) of logins at auth\/kubernetes/,
  );
  expect(error.message).not.toContain("canary");
  expect(understand(login, 200, { ...whole, auth: { ...auth, client_token: "hvs.x" } })).toBeUndefined();
});

test("a refused login names its Vault namespace", () => {
  const inTeam = { ...login, login: { ...login.login!, vaultNamespace: "team-a" } };
  expect(understand(inTeam, 400, E('invalid role name "web"')).error.message).toMatch(
    /^Vault refused the login of shop\/web \(audience "vault"\) in the Vault namespace team-a: /,
  );
});

test("a full lease count quota is told from a rate limit", () => {
  const says = E('request path "db/creds/app": lease count quota exceeded');
  expect(understand({ ...read, path: "db/creds/app" }, 429, says).error.message).toBe(
    "a lease count quota of Vault is full until leases end or it is raised (429): GET db/creds/app",
  );
});

describe("a standby that does not forward", () => {
  const redirect = (location: string) => understand(issue, 307, "", { location });

  test("sends us to a listed origin, whose path we do not take", () => {
    expect(redirect("https://b:8200/v1/evil")).toMatchObject({ redirectTo: "https://b:8200", retry: "always" });
  });

  test.each([
    ["https://c:8200/v1/x", /to https:\/\/c:8200, which the connection default does not list/],
    ["http://b:8200/v1/x", /to http:\/\/b:8200, which/],
    ["https://b.evil.org:8200/", /does not list/],
    ["https://b@evil.org:8200/", /to https:\/\/evil.org:8200/],
    ["http://169.254.169.254/latest", /does not list/],
    ["https://a:8200/v1/x", /^https:\/\/a:8200 sends us to https:\/\/a:8200$/],
  ])("is not followed to %s", (location, message) => {
    const failure = redirect(location);
    expect(failure).not.toHaveProperty("redirectTo");
    expect(failure.error).toMatchObject({ kind: "outage", message: expect.stringMatching(message) as string });
  });

  test.each([
    ["one behind a prefix", ["https://a:8200", "https://b:8200/vault"], "https://b:8200/vault"],
    ["another behind the same proxy", ["https://a:8200", "https://b:8200/1", "https://b:8200/2"], "https://b:8200/1"],
  ])("sends us to a listed origin: %s", (_what, origins, redirectTo) => {
    const listing = sampleConnection({ addresses: origins.map((origin) => ({ origin })) });
    const reply = understand({ ...issue, connection: listing }, 307, "", { location: "https://b:8200/v1/evil" });
    expect(reply).toMatchObject({ redirectTo });
  });

  test.each(["file:///etc/passwd", "", "https://%"])("is an answer no Vault gives with %j", (location) => {
    expect(redirect(location).error.kind).toMatch(/protocol|outage/);
    expect(redirect(location)).not.toHaveProperty("redirectTo");
  });
});

test.each([
  ["7", 7_000],
  ["Thu, 01 Jan 2026 00:00:30 GMT", 30_000],
  ["999999999", 3_600_000],
  ["-5", 0],
  ["soon", undefined],
])("Retry-After: %s", (value, ms) => {
  const { error } = understand(read, 429, denied, { "retry-after": value });
  expect(error.retryAfterMs).toBe(ms);
  expect(error.message).toBe(
    `a rate limit or quota of Vault is exceeded (429): GET secret/data/app${ms === undefined ? "" : `; it asks to wait ${ms / 1_000} s`}`,
  );
});

test.each<[string, string, string]>([
  ["did nothing, so it may be asked for again", "local node not active but active cluster node not found", "always"],
  ["may have been done, so only what does no harm twice is", "leadership lost while committing log", "repeatable"],
])("what a Vault without a leader was asked for %s", (_what, says, retry) => {
  expect(understand(issue, 500, E(says))).toMatchObject({ retry });
});

/** OpenBao before 2.6.2: a standby that reads for itself forwards neither. */
test.each([renew, { ...renew, kind: "revoke" as const, path: "sys/leases/revoke" }])(
  "what a standby does not forward is asked of another node, and says nothing of the engine: $path",
  (operation) => {
    const says = "1 error occurred:\n\t* operation could not be completed as storage is read-only\n\n";
    const failure = understand(operation, 500, E(says));
    expect(failure).toMatchObject({ retry: "elsewhere", scope: "request", error: { kind: "engine" } });
    expect(failure.error.message).toMatch(/^https:\/\/a:8200 is a standby that does not forward sys\/leases\/re/);
  },
);

/** OpenBao 2.6.2 and Vault Enterprise; the last is what the children of a sealed or deleted namespace answer. */
test.each<[number, string, RegExp]>([
  [503, "namespace is sealed", /^the Vault namespace team\/a is sealed \(503\)$/],
  [
    503,
    'API access to this namespace has been locked by an administrator - "team/a" must be unlocked to gain access.',
    /^the Vault namespace team\/a is locked by an administrator/,
  ],
  [404, "namespace not found", /^the Vault namespace team\/a is not there \(deleted, or a parent of it is sealed\)/],
])("a namespace's %i %s is its own affair", (status, says, message) => {
  for (const operation of [read, issue, renew, login]) {
    const failure = understand({ ...operation, vaultNamespace: "team/a" }, status, E(says));
    expect(failure).toMatchObject({
      scope: "engine",
      retry: "never",
      error: { kind: "namespace", code: "unavailable" },
    });
    expect(failure.error.message).toMatch(message);
  }
  expect(understand(read, status, E(says)).error.message).toMatch(/^the Vault namespace of secret\/data\/app is /);
});

/** As Vault 1.21.1 and OpenBao 2.6.2 say it with a 500: nothing but the mount's set-up mends it. */
test.each([
  ["could not load backend configuration", /auth\/kubernetes is not configured; write auth\/kubernetes\/config/],
  ["failed to determine alias name from login request", /auth\/kubernetes is of another method than kubernetes or jwt/],
  ["missing role_id", /auth\/kubernetes is of another method than kubernetes or jwt/],
])("a login's 500 %j is a mistake of the set-up: tried once", (says, message) => {
  const failure = understand(login, 500, E(says));
  expect(failure).toMatchObject({ scope: "request", retry: "never", error: { kind: "login_denied" } });
  expect(failure.error.message).toMatch(message);
});

/** Kubernetes' TokenReview of an expired token is answered with a bare 403. */
test.each<[string, number, RegExp]>([
  [
    "has ended",
    Date.parse("2025-12-31T23:50:00Z"),
    /the service account token has expired \(2025-12-31T23:50:00\.000Z\)/,
  ],
  ["is good", Date.parse("2026-01-01T00:10:00Z"), /permission denied: either the role web/],
])("a bare 403 on a login whose token %s", (_what, expiresAt, message) => {
  const failure = understand({ ...login, login: { ...login.login!, expiresAt } }, 403, E("permission denied"));
  expect(failure.error.message).toMatch(message);
});

test.each<[number, string, RegExp]>([
  [400, 'invalid role name " web"', /has no role " web";/],
  [403, "permission denied", /either the role " web" at/],
  [400, "something else", /see the role " web" at/],
])("a role with spaces around it is quoted: %i %j", (status, says, message) => {
  const failure = understand({ ...login, login: { ...login.login!, role: " web" } }, status, E(says));
  expect(failure.error.message).toMatch(message);
});

/** A text of one method means that method, wherever its mount is. */
test.each([
  [403, "invalid issuer (iss) claim", /disable_iss_validation/],
  [400, "error validating token: invalid issuer (iss) claim", /bound_issuer/],
])("a login's %i %j names the setting of the method that said it", (status, says, message) => {
  for (const authMethod of ["kubernetes", "jwt"] as const) {
    const { error } = understand({ ...login, connection: { ...connection, authMethod } }, status, E(says));
    expect(error.message).toMatch(message);
  }
});

test("a login's 500 of another kind is its engine's", () => {
  expect(understand(login, 500, E("canary"))).toMatchObject({ scope: "engine", error: { kind: "engine" } });
});

test.each([
  [500, "past the max TTL, cannot renew"],
  [500, 'role "web" does not exist during renewal'],
  [400, "something else"],
  [404, "something else"],
])("a token's renewal that gets %i %j is that token's own affair", (status, says) => {
  const failure = understand(renewSelf, status, E(says));
  expect(failure).toMatchObject({ scope: "request", retry: "never", error: { kind: "refused" } });
});

test("a token's renewal that gets another 500 is tried again: storage may be in trouble", () => {
  const failure = understand(renewSelf, 500, E("internal error"));
  expect(failure).toMatchObject({ scope: "engine", error: { kind: "engine" } });
});

describe("a KV engine that starts, after an unseal or with a new leader,", () => {
  test.each([
    "Upgrading from non-versioned to versioned data. This backend will be unavailable for a brief period and will resume service shortly.",
    "Waiting for the primary to upgrade from non-versioned to versioned data. This backend will be unavailable for a brief period and will resume service when the primary is finished.",
  ])("is away for a while, and no request is at fault: %s", (says) => {
    const failure = understand(read, 400, E(says));
    expect(failure).toMatchObject({ scope: "engine", retry: "always", error: { kind: "engine", code: "unavailable" } });
    expect(failure.error.message).toBe("the KV engine of secret/data/app is starting (400), and answers shortly");
    expect(isAway(failure.error)).toBe(true);
  });

  test("is not known by words that an engine may quote", () => {
    expect(understand(read, 400, E("role 'Upgrading from non-versioned to versioned data'")).error.kind).toBe(
      "refused",
    );
  });
});

describe("a Vault that protects itself from overload", () => {
  const says =
    "failed to create token: failed to persist accessor index entry: overloaded, try again later: internal error";

  test.each([
    ["a login", login, "POST auth/kubernetes/login"],
    ["a read", read, "GET secret/data/app"],
    ["a renewal", renewSelf, "POST auth/token/renew-self"],
  ])("asks %s to wait, and is not asked again in the same Mount", (_what, operation, asked) => {
    const failure = understand(operation, 503, E(says), { "retry-after": "7" });
    expect(failure).toMatchObject({ scope: "engine", retry: "never", error: { kind: "engine", retryAfterMs: 7_000 } });
    expect(failure.error.message).toBe(`Vault at https://a:8200 is overloaded (503): ${asked}; it asks to wait 7 s`);
  });

  test("may name no time", () => {
    expect(understand(read, 503, E(says)).error.message).toMatch(/is overloaded \(503\): GET secret\/data\/app$/);
  });

  test("is no proxy that says so", () => {
    expect(understand(read, 503, { message: "overloaded, try again later" }).scope).toBe("unsettled");
  });
});

describe("a Sentinel policy that denies", () => {
  const says = (policy: string) =>
    E(
      `2 errors occurred:\n\t* ${policy} evaluation resulted in denial.\n\nThe specific error was:\n<nil>\n\n\t* permission denied\n\n`,
    );

  test("a login is not the role's fault, nor the mount's", () => {
    const { error } = understand(login, 403, says('egp standard policy "root/business-hrs"'));
    expect(error).toMatchObject({ kind: "login_denied", rule: "sentinel" });
    expect(error.message).toMatch(
      /: the Sentinel policy root\/business-hrs \(EGP\) denies it, whatever the role takes$/,
    );
  });

  test("a read is not that of the role's other policies", () => {
    const { error } = understand(read, 403, says('rgp standard policy "team/only web"'));
    expect(error).toMatchObject({ kind: "denied", rule: "sentinel" });
    expect(error.message).toBe(
      'permission denied: GET secret/data/app; the Sentinel policy "team/only web" (RGP) denies it, whatever the role\'s own policies allow',
    );
    expect(error.mount).toBeUndefined();
  });
});

test.each([
  [404, 'no handler for route "admin/auth/kubernetes/login". route entry not found.'],
  [400, "missing client token"],
  [405, "unsupported operation"],
])("a login's %i %j says that no method is mounted there", (status, says) => {
  expect(understand(login, status, E(says)).error.message).toMatch(
    new RegExp(
      `: there is no login at auth/kubernetes \\(${status}\\); correct the mount's path or the Vault namespace$`,
    ),
  );
});

test("what an Agent says for a Vault that is away is no engine's failure", () => {
  expect(understand(read, 500, E("failed to get the response: dial tcp"))).toMatchObject({ scope: "unsettled" });
});

describe("whose it is", () => {
  test.each<[string, number, unknown, string]>([
    ["that Vault is sealed: its health tells", 503, E("Vault is sealed"), "unsettled"],
    ["no leader: an engine may say the same", 500, E("local node not active but active cluster node"), "unsettled"],
    ["a proxy's 502", 502, "<html>", "unsettled"],
    ["a proxy's 403", 403, "<html>", "unsettled"],
    ["a redirect", 307, "", "unsettled"],
    ["an engine's backend", 500, E("failed to connect"), "engine"],
    ["a quota", 429, E("rate limit quota exceeded"), "request"],
    ["a denial", 403, denied, "request"],
    ["that Vault is not initialised", 501, E("Vault is not initialized"), "unsettled"],
  ])("%s", (_name, status, body, scope) => {
    expect(understand(issue, status, body)).toMatchObject({ scope });
  });
});

const phrases = [
  "Vault is sealed",
  "Vault is not initialized",
  "local node not active but active cluster node not found",
  "leadership lost while committing log",
  "node is not the leader",
  "path disabled in replication DR secondary mode",
  "storage is read-only",
  "failed to get the response",
  "namespace is sealed",
  "rate limit quota exceeded",
];
const bodies: unknown[] = ["", "<html>", '{"message":"x"}', "Client sent an HTTP request to an HTTPS server.", whole];

// A tenant chooses the path, and may have its engine or a proxy's page say anything: only the node's health closes it for all.
test.each(
  [read, issue, renew, renewSelf, login].map(
    (operation) => [`${operation.kind} ${operation.path}`, operation] as const,
  ),
)("no answer to %s closes the node by its own word", (_name, operation) => {
  for (let status = 300; status < 600; status += 1) {
    for (const body of [...bodies, ...phrases.map(E)]) {
      expect(understand(operation, status, body, { location: "https://b:8200/x" }).scope).not.toBe("node");
    }
  }
});
