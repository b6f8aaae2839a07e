import { posix } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sampleConnection } from "../../dev/testing/connection.js";
import { readSecretPath } from "../mount/secret-path.js";
import { escapePath } from "../vault/api-path.js";
import type { Policy } from "./connection.js";
import { type PolicyAsk, policyRefusals, refusedByPolicy } from "./policy.js";

const pod = { namespace: "team-a", serviceAccount: "api" };

function ask(changes: Partial<PolicyAsk> = {}): PolicyAsk {
  return { pod, vaultNamespace: "", authMount: "kubernetes", role: "app", objects: [read("kv/data/app")], ...changes };
}

function read(path: string, { method = "GET", query = "" } = {}) {
  return { objectName: "db", requests: [{ method, path, query }] };
}

function refusals(policy: Partial<Policy>, asked: Partial<PolicyAsk> = {}) {
  const connection = sampleConnection();
  return policyRefusals({ ...connection, policy: [{ ...connection.policy[0]!, ...policy }] }, ask(asked));
}

const settings = (policy: Partial<Policy>, asked: Partial<PolicyAsk> = {}) =>
  refusals(policy, asked).map(({ setting }) => setting.replace("connections.default.policy.", ""));

test("without a policy, classes of the Go provider are let through", () => {
  const asked = { role: "any", authMount: "team/jwt", vaultNamespace: "eng/team-a", audience: "vault.example" };
  const paths = ["secret/app", "secret/data/app/sys/x", "database/creds/auth", "pki/issue/web", "secret/data/auth/x"];
  expect(settings({}, { ...asked, objects: paths.map((path) => read(path)) })).toEqual([]);
  expect(settings({}, { objects: [read("transit/decrypt/app", { method: "PUT" })] })).toEqual([]);
});

test.each<[string, Partial<Policy>, Partial<PolicyAsk>, string[]]>([
  ["another namespace", { namespaces: ["team-b", "shop-*"] }, {}, ["namespaces"]],
  ["another role", { roles: ["{{namespace}}-ro"] }, { role: "team-b-ro" }, ["roles"]],
  ["another auth mount", { authMounts: ["kubernetes"] }, { authMount: "jwt" }, ["authMounts"]],
  [
    "another Vault namespace",
    { vaultNamespaces: ["eng/{{namespace}}"] },
    { vaultNamespace: "eng/team-b" },
    ["vaultNamespaces"],
  ],
  ["the root namespace where another is listed", { vaultNamespaces: ["eng/*"] }, {}, ["vaultNamespaces"]],
  ["another audience", { audiences: ["vault"] }, { audience: "other" }, ["audiences"]],
  ["the empty audience", {}, { audience: "" }, ["audiences"]],
  ["a method that is not listed", {}, { objects: [read("kv/data/app", { method: "DELETE" })] }, ["methods"]],
  [
    "another tenant's path",
    { paths: ["kv/data/{{namespace}}/*"] },
    { objects: [read("kv/data/team-b/db")] },
    ["paths"],
  ],
  [
    "a path that only begins like the tenant's",
    { paths: ["kv/data/{{namespace}}/*"] },
    { objects: [read("kv/data/team-ab/db")] },
    ["paths"],
  ],
  [
    "a denied path among the allowed",
    { deniedPaths: ["kv/data/admin/*"] },
    { objects: [read("kv/data/admin/x")] },
    ["deniedPaths"],
  ],
])("refuses %s", (_name, policy, asked, expected) => {
  expect(settings(policy, asked)).toEqual(expected);
});

test.each<[string, Partial<Policy>, Partial<PolicyAsk>]>([
  ["the empty audience where it is listed", { audiences: ["vault", ""] }, { audience: "" }],
  ["an audience of the connection's own", { audiences: [] }, {}],
  ["the tenant's own path", { paths: ["kv/data/{{namespace}}/*"] }, { objects: [read("kv/data/team-a/db/main")] }],
  ["the tenant's own role", { roles: ["{{namespace}}_{{serviceAccount}}"] }, { role: "team-a_api" }],
  ["a step that an allowing rule spells", { paths: ["*", "secret/auth/*"] }, { objects: [read("secret/auth/google")] }],
  ["what the operator no longer denies", { deniedPaths: ["auth/*"] }, { objects: [read("sys/health")] }],
])("allows %s", (_name, policy, asked) => {
  expect(settings(policy, asked)).toEqual([]);
});

test.each([
  "sys/mounts",
  "sys",
  "auth/token/lookup-self",
  "auth/kubernetes/role/x",
  "team-a/sys/mounts",
  "root/sys/mounts",
  "eng/team-a/sys/policies/acl/x",
  "eng/team-a/auth/token/create",
  "data/sys/mounts",
  "secret/auth/google",
])("denies %s by default", (path) => {
  expect(settings({}, { objects: [read(path)] })).toEqual(["deniedPaths"]);
});

test("denies sys and auth behind any Vault namespace", () => {
  const name = fc
    .stringMatching(/^[a-z0-9._-]{1,12}$/)
    .filter((step) => !/^(\.{1,2}|data|metadata|(un)?delete|destroy|subkeys)$/.test(step));
  fc.assert(
    fc.property(fc.array(name, { maxLength: 5 }), fc.constantFrom("sys", "auth"), name, (namespace, api, rest) => {
      expect(settings({}, { objects: [read([...namespace, api, rest].join("/"))] })).toEqual(["deniedPaths"]);
    }),
  );
});

test.each<[string, Partial<PolicyAsk>]>([
  ["authMounts", { authMount: "kubernetes/../../sys" }],
  ["vaultNamespaces", { vaultNamespace: "team-a/../team-b" }],
  ["vaultNamespaces", { vaultNamespace: "team-a\r\nX-Vault-Token: x" }],
  ["vaultNamespaces", { vaultNamespace: "team-a?x" }],
  ["authMounts", { authMount: "kubernetes#x" }],
  ["authMounts", { authMount: "kubernetes\\x" }],
])("refuses %s that are no plain path, under any rules", (setting, asked) => {
  expect(settings({}, asked)).toEqual([setting]);
});

test("a tenant's Vault namespace written into the path does not lift the denial", () => {
  const policy = { paths: ["{{namespace}}/*"] };
  expect(settings(policy, { objects: [read("team-a/sys/mounts")] })).toEqual(["deniedPaths"]);
  expect(settings(policy, { objects: [read("team-a/kv/data/x")] })).toEqual([]);
});

test.each([
  "kv/data/team-a/../team-b/db",
  "kv/data/team-a/%2e%2e/team-b",
  "kv/data/team-a/%2E./x",
  "kv//data/team-a",
  "/sys/mounts",
  "kv/data/team-a\\..\\team-b",
  "kv/data/team-a/.\\x",
  "kv/data/team-a/%5c..",
  "kv/data/team-a/%2Fx",
  "kv/data/team-a/x\u0085y",
  "kv/data/team-a/x\r\ny",
  "",
])("refuses the path %j, under any rules", (path) => {
  expect(settings({ deniedPaths: [] }, { objects: [read(path)] })).toEqual(["paths"]);
});

test.each(["a#b", "a?b", "a\\b", "100%", "a%20b", "a b", "%41"])("judges the name %j as it is", (name) => {
  const asked = { objects: [read(`kv/data/${name}`)] };
  expect(settings({ paths: [`kv/data/${name}`] }, asked)).toEqual([]);
  expect(settings({ paths: ["kv/data/a"] }, asked)).toEqual(["paths"]);
});

describe("a secretPath that is written to slip past the policy", () => {
  const tries = [
    ...[
      "%2e%2e",
      "%2E.",
      ".%2e",
      "%252e%252e",
      "%25252e",
      "%%32e",
      "%c0%ae%c0%ae",
      "%e0%80%ae",
      "..%5C",
      "%5C..",
      "%5c%2e",
    ],
    ...["..;", "\uff0e\uff0e", "\u2024\u2024", ". .", "%20..", "..%20", "..%00", "%u002e%u002e", "\u2025"],
  ].flatMap((up) => [`kv/data/team-a/${up}/${up}/${up}/sys/mounts`, `kv/data/team-a/${up}/team-b/db`]);
  const disguises = [
    ...[
      "sys%2fmounts",
      "sys%252fmounts",
      "sys/mounts%253fx",
      "sys/mounts%2523x",
      "sys%5Cmounts",
      "%73ys/mounts",
      "s%79s/mounts",
      "%2573ys/mounts",
      "/v1//sys/mounts",
    ],
    ...["%73%79%73/mounts", "team-b%2fsys/mounts", "team-b/%73ys/mounts", "%c0%73ys/mounts", "sys%2Fmounts?list=true"],
    ...[
      "v1%2fsys/mounts",
      "sys/mounts%3Fx",
      "sys/mounts%23x",
      "sys/mounts#x",
      "sys%00/mounts",
      "%0asys/mounts",
      "auth%2ftoken",
    ],
    ...[
      "%61uth/token/create",
      "team-b/%61uth/token",
      "sys\u2215mounts",
      "\uff53ys/mounts",
      "kv/data/team-a%2f..%2fteam-b",
    ],
  ];
  const policy = { paths: ["kv/data/{{namespace}}/*"] };

  test.each([...tries, ...disguises])("%j", (written) => {
    const reading = readSecretPath(written);
    if (typeof reading === "string") return;
    const { path } = reading;
    // What policy judged is what a server decodes, once and twice, and what a URL parser leaves as it is.
    const sent = escapePath(path);
    expect(decodeURIComponent(sent)).toBe(path);
    expect(new URL(`http://vault/v1/${sent}`).pathname).toBe(`/v1/${sent}`);
    if (settings(policy, { objects: [read(path)] }).length === 0) expectWithin(path, "kv/data/team-a/");
    if (settings({}, { objects: [read(path)] }).length === 0) expect(path).not.toMatch(/^(sys|auth)(\/|$)/);
  });

  function expectWithin(path: string, tenant: string): void {
    const twice = path.replace(/%[0-9a-f]{2}/gi, (escape) => String.fromCharCode(Number.parseInt(escape.slice(1), 16)));
    for (const seen of [path, twice, twice.replaceAll("\\", "/")]) {
      expect(posix.normalize(seen).startsWith(tenant)).toBe(true);
    }
  }
});

test("a LIST is of a folder, which a rule for all below it allows, as in Vault; a read of that path is not", () => {
  const policy = { paths: ["kv/metadata/team-a/*"] };
  const at = (path: string, method: string) => settings(policy, { objects: [read(path, { method })] });
  expect(at("kv/metadata/team-a", "LIST")).toEqual([]);
  expect(at("kv/metadata/team-a", "GET")).toEqual(["paths"]);
  expect(at("kv/metadata/team", "LIST")).toEqual(["paths"]);
  expect(at("kv/metadata", "LIST")).toEqual(["paths"]);
});

test.each(["list=true", "scan=true"])("a GET with %s is a LIST", (query) => {
  expect(settings({ methods: ["GET"] }, { objects: [read("kv/metadata/app", { query })] })).toEqual(["methods"]);
});

test.each(["list=false", "scan=0", "scan=false&scan=true"])(
  "a GET with %s is none, which LIST alone allows",
  (query) => {
    expect(settings({ methods: ["LIST"] }, { objects: [read("kv/data/app", { query })] })).toEqual(["methods"]);
  },
);

describe("of several policies the first that is open to the namespace decides, alone", () => {
  const [usual] = sampleConnection().policy as [Policy];
  const connection = sampleConnection({
    policy: [
      { ...usual, namespaces: ["team-b"], paths: ["kv/data/b"] },
      { ...usual, namespaces: ["team-*"], paths: ["kv/data/{{namespace}}/*"], roles: ["app"] },
      { ...usual, namespaces: ["team-a"], paths: ["kv/data/late"] },
    ],
  });

  test.each<[string, string, Partial<PolicyAsk>, string[]]>([
    ["what its entry allows", "team-a", { objects: [read("kv/data/team-a/x")] }, []],
    ["what another's allows", "team-a", { objects: [read("kv/data/b")] }, ["policy.1.paths"]],
    ["what a later one of its own allows", "team-a", { objects: [read("kv/data/late")] }, ["policy.1.paths"]],
    ["a role that another's allows", "team-a", { role: "x", objects: [] }, ["policy.1.roles"]],
    ["what the first allows, though the second would not", "team-b", { role: "x", objects: [read("kv/data/b")] }, []],
    ["anything, of a namespace without an entry", "shop", { role: "x" }, ["policy.namespaces"]],
  ])("%s", (_, namespace, asked, expected) => {
    const found = policyRefusals(connection, ask({ pod: { namespace, serviceAccount: "api" }, ...asked }));
    expect(found.map(({ setting }) => setting)).toEqual(expected.map((setting) => `connections.default.${setting}`));
  });

  test("an empty list closes the connection", () => {
    const closed = sampleConnection({ policy: [] });
    expect(policyRefusals(closed, ask())).toEqual([
      { what: 'namespace "team-a"', setting: "connections.default.policy.namespaces" },
    ]);
  });
});

test("names every refusal, and the setting of each, in one error", () => {
  const policy = { roles: ["ro"], paths: ["kv/*"] };
  const asked = { objects: [read("a/b", { method: "PATCH" }), { ...read("sys/mounts"), objectName: "mounts" }] };
  const error = refusedByPolicy(refusals(policy, asked));
  expect(error?.code).toBe("permission_denied");
  expect(error?.message).toBe(
    'the connection\'s policy does not allow this pod: role "app"; object "db": method "PATCH"; object "db": path "a/b"; ' +
      'object "mounts": path "sys/mounts"; object "mounts": path "sys/mounts" (denied as "sys/*") (settings that would allow it: ' +
      "connections.default.policy.roles, connections.default.policy.methods, connections.default.policy.paths, connections.default.policy.deniedPaths)",
  );
  expect(refusedByPolicy([])).toBeUndefined();
});

test("a thousand refusals make a short message", () => {
  const objects = Array.from({ length: 1000 }, (_, index) => read(`sys/${index}`));
  expect(refusedByPolicy(refusals({}, { objects }))!.message).toMatch(/; and 980 more/);
});
