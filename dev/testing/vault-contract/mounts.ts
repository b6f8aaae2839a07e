import { beforeAll, describe, expect, test } from "vitest";
import type { Data } from "../../vault/answer.js";
import { aUuid, expectAnswer, expectRefusal } from "./ask.js";
import type { ContractContext, Suite } from "./suite.js";

const system = 2_764_800;

/** What is mounted where, and how Vault tells it: these fields instead of those that most mounts have. */
const mounted: readonly [path: string, body: Data, told: Data][] = [
  ["seen-kv", { type: "kv" }, { type: "kv", options: {} }],
  ["seen-kv1", { type: "kv", options: { version: "1" } }, { type: "kv", options: { version: "1" } }],
  [
    "seen/deep/kv2",
    { type: "kv", options: { version: "2" }, description: "of a team", config: { max_lease_ttl: "1h" } },
    { type: "kv", options: { version: "2" }, description: "of a team", maxTtl: 3_600 },
  ],
  ["seen-kv-v2", { type: "kv-v2" }, { type: "kv", options: { version: "2" } }],
  ["seen-null", { type: "kv", options: null }, { type: "kv", options: null }],
  ["seen-transit", { type: "transit" }, { type: "transit" }],
  ["seen-pki", { type: "pki" }, { type: "pki" }],
  ["seen-database", { type: "database" }, { type: "database", deprecation_status: undefined }],
  ["auth/seen-jwt", { type: "jwt" }, { type: "jwt" }],
  ["auth/seen-kubernetes", { type: "kubernetes" }, { type: "kubernetes" }],
];

/** Below which of two mounts a token with one rule may look: `seen-kv1/` and `seen/deep/kv2/`. */
const rules: readonly [path: string, capability: string, seen: { kv1: boolean; kv2: boolean }][] = [
  ["seen-kv1/app", "read", { kv1: true, kv2: false }],
  ["seen-kv1/*", "list", { kv1: true, kv2: false }],
  ["seen-kv1", "create", { kv1: true, kv2: false }],
  ["seen-kv1/", "update", { kv1: true, kv2: false }],
  ["seen-kv1x/*", "read", { kv1: false, kv2: false }],
  ["seen-kv1/app", "deny", { kv1: false, kv2: false }],
  ["seen-k*", "delete", { kv1: true, kv2: false }],
  ["seen*", "sudo", { kv1: true, kv2: true }],
  ["*", "patch", { kv1: true, kv2: true }],
  ["seen/deep/kv2/data/app", "read", { kv1: false, kv2: true }],
  ["seen/deep/data/app", "read", { kv1: false, kv2: false }],
  ["seen/+/kv2/data/app", "read", { kv1: false, kv2: true }],
  ["seen/+/other/data/app", "read", { kv1: false, kv2: false }],
  ["+", "read", { kv1: true, kv2: false }],
  ["+/app", "read", { kv1: true, kv2: false }],
  ["+/+/+/data/app", "read", { kv1: true, kv2: true }],
  ["+/*", "read", { kv1: true, kv2: true }],
  ["se+/app", "read", { kv1: false, kv2: false }],
];

function tuningOf({ config, description, options }: Data & { config: Data }): Data {
  return { ...config, description, ...("version" in ((options ?? {}) as Data) && { options }) };
}

function described(path: string, { maxTtl = 0, ...told }: Data & { maxTtl?: number }, lifetimes: "own" | "in effect") {
  const ownOr = (own: number) => (lifetimes === "own" ? own : own || system);
  return {
    accessor: expect.stringMatching(path.startsWith("auth/") ? /^auth_\w+_/ : /^[a-z]+_/) as string,
    config: {
      default_lease_ttl: ownOr(0),
      force_no_cache: false,
      max_lease_ttl: ownOr(maxTtl),
      ...(path.startsWith("auth/") && { token_type: "default-service" }),
    },
    deprecation_status: "supported",
    description: "",
    external_entropy_access: false,
    local: false,
    options: {},
    plugin_version: "",
    running_sha256: "",
    seal_wrap: false,
    uuid: aUuid,
    ...told,
  };
}

/** Vault mounts these itself. */
const foundations: readonly [path: string, told: Data][] = [
  ["sys", { type: "system", description: "system endpoints used for control, policy and debugging", seal_wrap: true }],
  ["auth/token", { type: "token", description: "token based credentials" }],
];

function describedFoundation(path: string, told: Data) {
  const own = { options: null, ...told };
  const { deprecation_status: _, config, ...rest } = described(path, own, "in effect");
  return { ...rest, config: { ...config, ...(path === "sys" && { passthrough_request_headers: ["Accept"] }) } };
}

/** What a client learns of mounts: the `vault` command asks before every `kv` command. */
export const mounts: Suite = (context, { answered, pluginVersion, unknownToken }) => {
  describe("mounts", () => {
    let vault: ContractContext;
    beforeAll(async () => {
      vault = context();
      for (const [path, body] of mounted) await vault.must("POST", `sys/${kindOf(path)}/${nameOf(path)}`, body);
    });
    const versioned = (told: Data) => ({ running_plugin_version: pluginVersion(String(told["type"])), ...told });
    const nameOf = (path: string) => path.replace(/^auth\//, "");
    const kindOf = (path: string) => (path.startsWith("auth/") ? "auth" : "mounts");
    const refusal = (path: string) =>
      `preflight capability check returned 403, please ensure client's policies grant access to path "${path}/"`;
    const below = "sys/internal/ui/mounts";

    test.each(mounted)("%s is listed, and told to who asks for a path below it", async (path, _, told) => {
      const listed = (await vault.root("GET", `sys/${kindOf(path)}`)).json!.data[`${nameOf(path)}/`];
      const own = described(path, versioned(told), "own");
      expect(listed).toEqual(own);
      const one = await vault.root("GET", `sys/${kindOf(path)}/${nameOf(path)}`);
      expectAnswer(one, answered({ ...own, data: own, mount_type: "system" }));
      const tuning = await vault.root("GET", `sys/${kindOf(path)}/${nameOf(path)}/tune`);
      const tuned = tuningOf(described(path, versioned(told), "in effect"));
      expectAnswer(tuning, answered({ ...tuned, data: tuned, mount_type: "system" }));
      const data = { ...described(path, versioned(told), "in effect"), path: `${nameOf(path)}/` };
      for (const asked of [path, `${path}/`, `${path}/any/thing`]) {
        expectAnswer(await vault.root("GET", `${below}/${asked}`), answered({ data }));
      }
      const all = (await vault.root("GET", below)).json!.data;
      const { path: _path, ...inList } = data;
      const section = all[path.startsWith("auth/") ? "auth" : "secret"] as Data;
      expect(section[`${nameOf(path)}/`]).toEqual(inList);
    });

    test.each(foundations)("%s is told too", async (path, told) => {
      const data = { ...describedFoundation(path, versioned(told)), path: `${nameOf(path)}/` };
      expectAnswer(await vault.root("GET", `${below}/${path}/x`), answered({ data }));
    });

    test.each(["seen", "seen/deep", "seen-k", "auth", "auth/none", "nothing/at/all"])(
      "%s is no mount, which is told to root as to all",
      async (path) => {
        expectRefusal(await vault.root("GET", `${below}/${path}`), 403, refusal(path));
      },
    );

    test.each(rules)('a token that has only "%s" with %s', async (path, capability, seen) => {
      const policy = `path "${path}" { capabilities = ["${capability}"] }`;
      await vault.must("PUT", "sys/policies/acl/seen", { policy });
      const { client_token: token } = await vault.token({ policies: ["seen"] });
      const list = await vault.ask("GET", below, { token });
      for (const [mount, may] of [["seen-kv1", seen.kv1] as const, ["seen/deep/kv2", seen.kv2] as const]) {
        const response = await vault.ask("GET", `${below}/${mount}/app`, { token });
        if (may) expect(response.json!.data).toMatchObject({ path: `${mount}/` });
        else expectRefusal(response, 403, refusal(`${mount}/app`));
        expect(`${mount}/` in (list.json!.data["secret"] as Data)).toBe(may);
      }
    });

    test.each([
      ["sys/mounts/none", "No secret engine mount at none/"],
      ["sys/auth/none", "No auth engine at none/"],
      ["sys/mounts/none/tune", 'cannot fetch sysview for path "none/"'],
      ["sys/auth/none/tune", 'cannot fetch sysview for path "auth/none/"'],
    ])("%s is told not to be there", async (path, error) => {
      expectRefusal(await vault.root("GET", path), 400, error);
    });

    test("a deny in one policy of a token outweighs another's grant", async () => {
      for (const [name, capability] of Object.entries({ grants: "read", denies: "deny" })) {
        const policy = `path "seen-kv1/app" { capabilities = ["${capability}"] }`;
        await vault.must("PUT", `sys/policies/acl/seen-${name}`, { policy });
      }
      const { client_token: token } = await vault.token({ policies: ["seen-grants", "seen-denies"] });
      expectRefusal(await vault.ask("GET", `${below}/seen-kv1/app`, { token }), 403, refusal("seen-kv1/app"));
    });

    test("without a token the list is empty and a path is denied; an unknown token is told so", async () => {
      expectAnswer(await vault.ask("GET", below), answered({ data: { auth: {}, secret: {} } }));
      expectRefusal(await vault.ask("GET", `${below}/seen-kv1/app`), 403, "permission denied");
      for (const path of [below, `${below}/seen-kv1/app`]) {
        expectRefusal(await vault.ask("GET", path, { token: "hvs.nope" }), 403, unknownToken);
      }
    });

    test("the token's uses are not counted", async () => {
      const { client_token: token } = await vault.token({ policies: ["root"], num_uses: 1 });
      for (const _ of [1, 2]) expect((await vault.ask("GET", `${below}/seen-kv1/app`, { token })).status).toBe(200);
    });

    test.each([
      ["POST", below, 405, "unsupported operation"],
      ["POST", `${below}/seen-kv1/app`, 405, "unsupported operation"],
      ["GET", `${below}/seen-kv1/app?list=true`, 405, "unsupported operation"],
      ["GET", `${below}/`, 404, "unsupported path"],
    ])("%s %s", async (method, path, status, error) => {
      expectRefusal(await vault.root(method, path, method === "POST" ? {} : undefined), status, error);
    });
  });
};
