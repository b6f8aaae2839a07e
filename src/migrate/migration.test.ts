import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadOptions } from "../config/load-options.js";
import type { OperatorConfig } from "../config/operator-config.js";
import { selectConnection } from "../config/select-connection.js";
import { readClass } from "../mount/class-parameters.js";
import { classRefusals } from "../mount/class-refusals.js";
import type { WrittenClass } from "./analyzed-class.js";
import { migrate } from "./migration.js";
import { readSourceProvider } from "./source-provider.js";

const source = readSourceProvider({ flags: ["--vault-addr=https://vault.example:8200"] });

interface Asked {
  namespace: string;
  role?: string;
  path?: string;
  method?: string;
  parameters?: Record<string, string>;
}

function classOf(
  { namespace, role = "web", path = "secret/data/web", method = "GET", parameters }: Asked,
  index = 0,
): WrittenClass {
  const object = { objectName: path.endsWith("/") ? "a/" : "a", secretPath: path, method };
  const all = { roleName: role, objects: JSON.stringify([object]), ...parameters };
  return { namespace, name: `web-${index}`, provider: "vault", parameters: new Map(Object.entries(all)) };
}

function operatorFor(asked: readonly Asked[]): OperatorConfig {
  const { text } = migrate(asked.map(classOf), source);
  return loadOptions({ argv: ["--config=f"], env: {}, execArgv: [], readFile: () => text }).operator;
}

function policyFor(asked: readonly Asked[]) {
  return operatorFor(asked).defaultConnection.policy.map(({ namespaces, roles, paths }) => ({
    namespaces,
    roles,
    paths,
  }));
}

/** The settings that refuse a pod of a namespace what it asks, as a Mount judges. */
function refusals(operator: OperatorConfig, asked: Asked, serviceAccount = "default"): string[] {
  const { spec } = readClass(classOf(asked).parameters, 60_000);
  const connection = selectConnection(operator, spec, asked.namespace);
  return classRefusals(spec, connection, { namespace: asked.namespace, serviceAccount }).map(
    ({ setting }) => setting.split(".").at(-1)!,
  );
}

test("pods may ask what the classes of their own namespace ask, as any of its accounts, and nothing else", () => {
  const namespace = fc.constantFrom("shop", "shop-eu", "pay", "secret", "data", "a");
  const text = fc.constantFrom("web", "shop", "shop-web", "pay", "a", "secret");
  const path = fc.oneof(
    fc.constantFrom("secret/data/web", "secret/data/shop/db", "secret/data/pay/db", "pki/issue/shop-web", "secret/a"),
    fc.tuple(text, text, text).map((steps) => steps.join("/")),
    text.map((step) => `secret/data/${step}/`),
  );
  const asked = fc.record({ namespace, role: text, path, method: fc.constantFrom("GET", "GET", "PUT") });
  // A slash at the end lists what is below; a request that writes is of the path itself.
  const pathOf = ({ path = "", method }: Asked) => (method === "PUT" ? path.replace(/\/$/, "") : path);
  fc.assert(
    fc.property(fc.array(asked, { minLength: 1, maxLength: 12 }), asked, fc.string(), (classes, other, account) => {
      const operator = operatorFor(classes);
      for (const one of classes) expect(refusals(operator, one, account)).toEqual([]);
      const own = classes.filter((one) => one.namespace === other.namespace);
      const isBelow = (one: Asked) => pathOf(one).endsWith("/") && pathOf(other).startsWith(pathOf(one));
      const mayBeAsked =
        own.some(({ role }) => role === other.role) &&
        own.some(({ method }) => method === other.method) &&
        own.some((one) => pathOf(one) === pathOf(other) || isBelow(one));
      const isAsked = own.some(
        ({ role, path, method }) => role === other.role && path === other.path && method === other.method,
      );
      if (isAsked) expect(refusals(operator, other)).toEqual([]);
      if (!mayBeAsked) expect(refusals(operator, other)).not.toEqual([]);
    }),
  );
});

test.each<[string, Asked, string[]]>([
  ["another namespace's path", { namespace: "shop", path: "secret/data/pay" }, ["paths"]],
  ["another namespace's role", { namespace: "shop", role: "pay" }, ["roles"]],
  ["a neighbour's path", { namespace: "shop", path: "secret/data/shop/x" }, ["paths"]],
  ["a namespace without a class", { namespace: "other" }, ["namespaces"]],
  ["another auth mount", { namespace: "shop", parameters: { vaultAuthMountPath: "b" } }, ["authMounts"]],
  ["another namespace's auth mount", { namespace: "shop", parameters: { vaultAuthMountPath: "c" } }, ["authMounts"]],
  ["another Vault namespace", { namespace: "shop", parameters: { vaultNamespace: "team" } }, ["vaultNamespaces"]],
  ["another audience", { namespace: "shop", parameters: { audience: "pay" } }, ["audiences"]],
  ["another method", { namespace: "shop", method: "PUT" }, ["methods"]],
])("%s is refused", (_, asked, expected) => {
  const classes = [
    { namespace: "shop", role: "shop", path: "secret/data/shop" },
    {
      namespace: "pay",
      role: "pay",
      path: "secret/data/pay",
      method: "PUT",
      parameters: { vaultAuthMountPath: "c", vaultNamespace: "team", audience: "pay" },
    },
  ];
  expect(refusals(operatorFor(classes), { role: "shop", path: "secret/data/shop", ...asked })).toEqual(expected);
});

describe("the report on what an entry allows beyond what its classes ask", () => {
  const read = { namespace: "shop", path: "secret/data/a" };

  test.each<[string, Asked[], string[]]>([
    [
      "names a method that writes",
      [read, { namespace: "shop", path: "pki/issue/web", method: "PUT" }],
      ["allows PUT on each of its paths; classes ask it of pki/issue/web alone"],
    ],
    [
      "names roles of different paths",
      [read, { namespace: "shop", path: "secret/data/b", role: "admin" }],
      ["allows each of its paths with each of its roles (admin, web); classes do not ask all of these"],
    ],
    [
      "names auth mounts of different paths",
      [read, { namespace: "shop", path: "secret/data/b", parameters: { vaultAuthMountPath: "b" } }],
      ["allows each of its paths with each of its auth mounts (b, kubernetes); classes do not ask all of these"],
    ],
    [
      "names Vault namespaces of different paths",
      [read, { namespace: "shop", path: "secret/data/b", parameters: { vaultNamespace: "b" } }],
      ['allows each of its paths with each of its Vault namespaces ("", b); classes do not ask all of these'],
    ],
    ["is silent for paths that are all read by one role", [read, { namespace: "shop", path: "secret/data/b" }], []],
    ["is silent for roles of the same paths", [read, { ...read, role: "admin" }], []],
    ["is silent for one path, read and written", [read, { ...read, method: "PUT" }], []],
    ["is silent for a recursive read", [{ namespace: "shop", path: "secret/data/a/" }], []],
    ["is silent for what other namespaces ask", [read, { namespace: "pay", path: "pki/issue/web", method: "PUT" }], []],
  ])("%s", (_, asked, expected) => {
    const { notes } = migrate(asked.map(classOf), source);
    const entry = "connections.vault.policy[0] (namespace shop) ";
    expect(notes.filter((note) => note.includes(".policy["))).toEqual(expected.map((what) => entry + what));
  });

  test("is of the namespace that asks for less, where others of its entry ask for every combination", () => {
    const [x, y] = ["secret/data/x", "secret/data/y"];
    const asked = [
      ...[x, y].flatMap((path) => ["r1", "r2"].map((role) => ({ namespace: "a", path, role }))),
      { namespace: "b", path: x, role: "r1" },
      { namespace: "b", path: y, role: "r2" },
    ];
    const { notes } = migrate(asked.map(classOf), source);
    expect(notes.filter((note) => note.includes(".policy["))).toEqual([
      "connections.vault.policy[0] (namespace b and 1 more) allows each of its paths with each of its roles (r1, r2); classes do not ask all of these",
    ]);
  });

  test("is one line for the namespaces of an entry", () => {
    const asked = ["shop", "pay", "a"].flatMap((namespace) => [
      { namespace, path: `secret/data/${namespace}` },
      { namespace, path: `pki/issue/${namespace}`, method: "PUT" },
    ]);
    const { notes } = migrate(asked.map(classOf), source);
    expect(notes.filter((note) => note.includes(".policy["))).toEqual([
      expect.stringContaining("(namespace a and 2 more) allows PUT"),
    ]);
  });
});

describe("the entries of a policy", () => {
  const tenants = ["shop", "pay", "team-a"];

  test("are one for all namespaces whose requests differ in their names only", () => {
    const classes = tenants.map((name) => ({ namespace: name, role: `${name}-web`, path: `secret/data/${name}/db` }));
    expect(policyFor(classes)).toEqual([
      { namespaces: ["pay", "shop", "team-a"], roles: ["{{namespace}}-web"], paths: ["secret/data/{{namespace}}/db"] },
    ]);
  });

  test("are one for all namespaces that ask the same", () => {
    expect(policyFor(tenants.map((namespace) => ({ namespace })))).toEqual([
      { namespaces: ["pay", "shop", "team-a"], roles: ["web"], paths: ["secret/data/web"] },
    ]);
  });

  test("are one for each namespace otherwise, in its own words", () => {
    expect(
      policyFor([
        { namespace: "pay", path: "secret/data/pay/a" },
        { namespace: "shop", path: "secret/data/shop/b" },
      ]),
    ).toEqual([
      { namespaces: ["pay"], roles: ["web"], paths: ["secret/data/pay/a"] },
      { namespaces: ["shop"], roles: ["web"], paths: ["secret/data/shop/b"] },
    ]);
  });

  test("have a recursive read as all that is below it", () => {
    const [entry] = operatorFor([{ namespace: "shop", path: "secret/data/shop/" }]).defaultConnection.policy;
    expect(entry).toMatchObject({ methods: ["GET", "LIST"], paths: ["secret/data/shop/*", "secret/metadata/shop/*"] });
  });

  test.each(["sys/health", "auth/token/lookup-self", "team-a/sys/mounts", "secret/auth/google"])(
    "do not lift the denial of %s",
    (path) => {
      const operator = operatorFor([{ namespace: "shop" }, { namespace: "shop", path }]);
      expect(refusals(operator, { namespace: "shop" })).toEqual([]);
      expect(refusals(operator, { namespace: "shop", path })).toContain("deniedPaths");
    },
  );
});
