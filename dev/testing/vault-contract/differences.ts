import { describe, beforeAll, expect, test } from "vitest";
import type { Data } from "../../vault/answer.js";
import type { Product } from "../../vault/product.js";
import { ask, type VaultResponse } from "./ask.js";
import type { ContractContext, Suite } from "./suite.js";

/** One thing that OpenBao 2.6.2 answers otherwise than Vault 1.21.1, and what each answers. */
interface Difference extends Record<Product, unknown> {
  readonly name: string;
  readonly answer: (vault: ContractContext) => Promise<unknown>;
}

interface Outcome {
  readonly status: number;
  readonly errors?: unknown;
}

/** Status and errors of an answer. */
const outcome = ({ status, json }: VaultResponse): Outcome =>
  json && "errors" in json ? { status, errors: json["errors"] } : { status };

const refused = (status: number, ...errors: string[]): Outcome => ({ status, errors });

const unknown = "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n";
const bare = "permission denied";
/** What Vault, which has no namespaces, says of a path below one. */
const noRoute = (path: string) => refused(404, `no handler for route "${path}". route entry not found.`);
const locked = refused(
  503,
  'API access to this namespace has been locked by an administrator - "diff-locked/" must be unlocked to gain access.',
);

/** A namespace with a secret at `kv/a`; all that Vault's community edition answers is that there is no such path. */
async function namespace(vault: ContractContext, path: string, body: Data = {}): Promise<void> {
  const [name, ...parents] = path.split("/").reverse();
  const parent = parents.reverse().map((each) => `${each}/`);
  await vault.root("POST", `${parent.join("")}sys/namespaces/${name}`, body);
  await vault.root("POST", `${path}/sys/mounts/kv`, { type: "kv" });
  await vault.root("POST", `${path}/kv/a`, { x: "1" });
}

const sealable = { seals: { type: "shamir", secret_shares: 1, secret_threshold: 1 } };
const inNamespace = (vault: ContractContext, name: string) =>
  vault.ask("GET", "kv/a", { token: vault.underTest.rootToken, headers: { "x-vault-namespace": name } });

async function deadToken(vault: ContractContext): Promise<string> {
  const { client_token: token } = await vault.token({ policies: ["default"] });
  await vault.ask("POST", "auth/token/revoke-self", { token });
  return token;
}

const names = (fields: Data | undefined) => Object.keys(fields ?? {}).sort();
const keys = async (response: Promise<VaultResponse>) => (await response).json?.data?.keys;
const without = (all: readonly string[], ...some: readonly string[]) => all.filter((name) => !some.includes(name));

const health = [
  "clock_skew_ms",
  "cluster_id",
  "cluster_name",
  "echo_duration_ms",
  "enterprise",
  "initialized",
  "performance_standby",
  "replication_dr_mode",
  "replication_performance_mode",
  "replication_primary_canary_age_ms",
  "sealed",
  "server_time_utc",
  "standby",
  "version",
];

/** Logs a token of the service account in, with further claims, and reads with the Vault token. */
async function readAs(vault: ContractContext, who: string, path: string): Promise<VaultResponse> {
  const { issuer } = vault.underTest;
  const jwt = issuer.sign({ ...issuer.claims(serviceAccount), who });
  const login = await vault.ask("POST", "auth/diff-jwt/login", { body: { role: "templated", jwt } });
  return vault.ask("GET", path, { token: login.json!.auth!.client_token });
}

const serviceAccount = { namespace: "shop", serviceAccount: "web", audiences: ["vault"] };
const internalError = refused(500, "1 error occurred:\n\t* internal error\n\n");

const ofAnyNode: readonly Difference[] = [
  {
    name: "a service account's login at a mount of approle",
    answer: async (vault) =>
      outcome(await vault.ask("POST", "auth/diff-approle/login", { body: { role: "web", jwt: "a.b.c" } })),
    vault: refused(500, "failed to determine alias name from login request"),
    openbao: refused(500, "missing role_id"),
  },
  ...(
    [
      ["that gives policies", 'pb.Auth{policies: ["default"]}', { status: 200 }],
      [
        "that is false",
        "false",
        refused(400, "error executing cel program: Cel role 'web' blocked authorization with boolean false return"),
      ],
      [
        "that is a text",
        '"not today"',
        refused(400, "error executing cel program: Cel role 'web' blocked authorization with message: not today"),
      ],
    ] as const
  ).map(([program, expression, openbao]) => ({
    name: `a login by a role with a program in CEL ${program}`,
    answer: async (vault: ContractContext) => {
      const role = { bound_audiences: ["vault"], cel_program: { expression } };
      await vault.root("POST", "auth/diff-jwt/cel/role/web", role);
      const body = { role: "web", jwt: vault.underTest.issuer.mint(serviceAccount) };
      return outcome(await vault.ask("POST", "auth/diff-jwt/cel/login", { body }));
    },
    vault: refused(403, bare),
    openbao,
  })),
  ...(
    [
      ["plain", { status: 200 }],
      ["a/b", internalError],
      ["a*", internalError],
      ["a+b", internalError],
    ] as const
  ).map(([who, openbao]) => ({
    name: `a policy's template whose value is ${who}`,
    answer: async (vault: ContractContext) => {
      await vault.must("POST", `diff-kv1/${who}/mine`, { x: "1" });
      return outcome(await readAs(vault, who, `diff-kv1/${who}/mine`));
    },
    vault: { status: 200 },
    openbao,
  })),
  {
    name: "an audit device that is made by the API",
    answer: async (vault) =>
      outcome(await vault.root("PUT", "sys/audit/diff", { type: "file", options: { file_path: "discard" } })),
    vault: { status: 204 },
    openbao: refused(
      400,
      "cannot enable audit device via API; use declarative, config-based audit device management instead",
    ),
  },
  {
    name: "the engine's name in an answer",
    answer: async (vault) => (await vault.root("GET", "diff-kv1/a")).json!["mount_type"],
    vault: "kv",
    openbao: undefined,
  },
  {
    name: "a service token",
    answer: async (vault) => (await vault.token({})).client_token,
    vault: expect.stringMatching(/^hvs\.[\w-]+$/),
    openbao: expect.stringMatching(/^s\.[A-Za-z0-9]+$/),
  },
  {
    name: "a batch token",
    answer: async (vault) => (await vault.token({ type: "batch", policies: ["default"] })).client_token,
    vault: expect.stringMatching(/^hvb\.[\w-]+$/),
    openbao: expect.stringMatching(/^b\.[\w-]+$/),
  },
  ...(
    [
      ["reads", "GET", "diff-kv1/a"],
      ["looks itself up", "GET", "auth/token/lookup-self"],
      ["is renewed", "POST", "auth/token/renew-self"],
    ] as const
  ).map(([use, method, path]) => ({
    name: `a dead token that ${use}`,
    answer: async (vault: ContractContext) => outcome(await vault.ask(method, path, { token: await deadToken(vault) })),
    vault: refused(403, unknown),
    openbao: refused(403, bare),
  })),
  {
    name: "a role without an audience",
    answer: async (vault) => {
      const role = { bound_service_account_names: ["web"], bound_service_account_namespaces: ["shop"] };
      const { status, json } = await vault.root("POST", "auth/diff-k8s/role/loose", role);
      return { status, warnings: json?.["warnings"] };
    },
    vault: {
      status: 200,
      warnings: [
        "Role loose does not have an audience configured. While audiences are not required, consider specifying one if your use case would benefit from additional JWT claim verification.",
      ],
    },
    openbao: { status: 204, warnings: undefined },
  },
  {
    name: "kubernetes auth without a CA where the local one is disabled",
    answer: async (vault) =>
      outcome(
        await vault.root("POST", "auth/diff-k8s/config", {
          kubernetes_host: "https://127.0.0.1:6443",
          disable_local_ca_jwt: true,
        }),
      ),
    vault: { status: 204 },
    openbao: refused(400, "kubernetes_ca_cert must be given when disable_local_ca_jwt is true"),
  },
  ...["diff-kv2/data", "diff-kv2/data/folder"].map((path) => ({
    name: `a LIST of ${path}`,
    answer: async (vault: ContractContext) => {
      const { status, json } = await vault.root("GET", `${path}?list=true`);
      return { status, warnings: json?.["warnings"], errors: json?.["errors"] };
    },
    vault: {
      status: 404,
      warnings: [
        "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use. If using the Vault CLI, use 'vault kv list' for this operation.",
      ],
      errors: undefined,
    },
    openbao: { ...refused(405, "1 error occurred:\n\t* unsupported operation\n\n"), warnings: undefined },
  })),
  {
    name: "scan=true at KV v2, a LIST of all below",
    answer: (vault) => keys(vault.root("GET", "diff-kv2/metadata/folder?scan=true")),
    vault: undefined,
    openbao: ["a", "deeper/b"],
  },
  {
    name: "scan=true at KV v1",
    answer: (vault) => keys(vault.root("GET", "diff-kv1/folder?scan=true")),
    vault: undefined,
    openbao: ["a", "deeper/b"],
  },
  {
    name: "the capability scan in a policy, which list is not",
    answer: async (vault) => {
      const scan = async (capability: string) => {
        const policy = `path "diff-kv1/folder/*" { capabilities = ["${capability}"] }`;
        const written = outcome(await vault.root("PUT", `sys/policies/acl/diff-${capability}`, { policy }));
        const { client_token: token } = await vault.token({ policies: [`diff-${capability}`] });
        const { status } = await vault.ask("GET", "diff-kv1/folder/deeper?scan=true", { token });
        return [written.status, status];
      };
      return [await scan("list"), await scan("scan")];
    },
    vault: [
      [204, 403],
      [400, 403],
    ],
    openbao: [
      [204, 403],
      [204, 200],
    ],
  },
  {
    name: "the fields of sys/health",
    answer: async (vault) => names((await vault.ask("GET", "sys/health")).json),
    vault: health,
    openbao: without(
      health,
      "clock_skew_ms",
      "echo_duration_ms",
      "enterprise",
      "performance_standby",
      "replication_primary_canary_age_ms",
    ),
  },
  {
    name: "an issued certificate's fields",
    answer: async (vault) =>
      names((await vault.root("PUT", "diff-pki/issue/app", { common_name: "a.example.com" })).json!.data),
    vault: [
      "authority_key_id",
      "ca_chain",
      "certificate",
      "expiration",
      "issuing_ca",
      "private_key",
      "private_key_type",
      "serial_number",
    ],
    openbao: [
      "ca_chain",
      "certificate",
      "expiration",
      "issuing_ca",
      "not_before",
      "private_key",
      "private_key_type",
      "serial_number",
    ],
  },
  {
    name: "how often is warned of a certificate's life that is cut",
    answer: async (vault) => {
      const asked = { common_name: "a.example.com", ttl: "1000h" };
      return ((await vault.root("PUT", "diff-pki/issue/app", asked)).json!["warnings"] as unknown[]).length;
    },
    vault: 2,
    openbao: 1,
  },
  ...(
    [
      ["{bad", refused(500, "invalid character 'b' looking for beginning of value")],
      [
        "bad",
        refused(
          400,
          "error parsing JSON: failed to parse JSON input: invalid character 'b' looking for beginning of value",
        ),
      ],
      [
        "[1]",
        refused(
          400,
          "error parsing JSON: failed to parse JSON input: json: cannot unmarshal array into Go value of type map[string]interface {}",
        ),
      ],
      [
        '"x"',
        refused(
          400,
          "error parsing JSON: failed to parse JSON input: json: cannot unmarshal string into Go value of type map[string]interface {}",
        ),
      ],
    ] as const
  ).map(([raw, ofVault]) => ({
    name: `a body that is no JSON object: ${raw}`,
    answer: async (vault: ContractContext) =>
      outcome(await vault.ask("POST", "diff-kv1/x", { token: vault.underTest.rootToken, raw })),
    vault: ofVault,
    openbao: { status: 400, errors: [expect.stringMatching(/^failed to decode JSON input: ./)] },
  })),
  {
    name: "an accessor in a namespace",
    answer: async (vault) => {
      await namespace(vault, "diff-ids");
      const made = await vault.root("POST", "diff-ids/auth/token/create", { policies: ["default"] });
      return made.json?.auth?.accessor;
    },
    vault: undefined,
    openbao: expect.stringMatching(/^[A-Za-z0-9]{24}\.[A-Za-z0-9]{6}$/),
  },
  {
    name: "a secret in a namespace, by a path or by the header",
    answer: async (vault) => {
      await namespace(vault, "diff-open");
      return [outcome(await vault.root("GET", "diff-open/kv/a")), (await inNamespace(vault, "diff-open")).status];
    },
    vault: [noRoute("diff-open/kv/a"), 404],
    openbao: [{ status: 200 }, 200],
  },
  {
    name: "a secret in a child of a namespace, by a token and a policy of the parent",
    answer: async (vault) => {
      await namespace(vault, "diff-parent");
      await namespace(vault, "diff-parent/child");
      const policy = 'path "child/kv/*" { capabilities = ["read"] }';
      await vault.root("PUT", "diff-parent/sys/policies/acl/reader", { policy });
      const made = await vault.root("POST", "diff-parent/auth/token/create", { policies: ["reader"] });
      const token = made.json?.auth?.client_token ?? "none";
      const read = async (path: string) => (await vault.ask("GET", path, { token })).status;
      return [await read("diff-parent/child/kv/a"), await read("diff-parent/kv/a"), await read("diff-kv1/a")];
    },
    vault: [403, 403, 403],
    openbao: [200, 403, 403],
  },
  {
    name: "a namespace that is sealed",
    answer: async (vault) => {
      await namespace(vault, "diff-sealed", sealable);
      await vault.root("PUT", "sys/namespaces/diff-sealed/seal");
      return outcome(await vault.root("GET", "diff-sealed/kv/a"));
    },
    vault: noRoute("diff-sealed/kv/a"),
    openbao: refused(503, "namespace is sealed"),
  },
  {
    name: "a child of a namespace that is sealed",
    answer: async (vault) => {
      await namespace(vault, "diff-above", sealable);
      await namespace(vault, "diff-above/child");
      await vault.root("PUT", "sys/namespaces/diff-above/seal");
      const { errors } = outcome(await inNamespace(vault, "diff-above/child"));
      return errors;
    },
    vault: noRoute("kv/a").errors,
    openbao: ["namespace not found"],
  },
  {
    name: "a namespace that was deleted",
    answer: async (vault) => {
      await namespace(vault, "diff-deleted");
      await vault.root("DELETE", "sys/namespaces/diff-deleted");
      return outcome(await inNamespace(vault, "diff-deleted"));
    },
    vault: noRoute("kv/a"),
    openbao: refused(404, "namespace not found"),
  },
  {
    name: "a namespace that is locked, and its child",
    answer: async (vault) => {
      await namespace(vault, "diff-locked");
      await namespace(vault, "diff-locked/child");
      await vault.root("POST", "sys/namespaces/api-lock/lock/diff-locked");
      const read = async (path: string) => outcome(await vault.root("GET", path));
      return [await read("diff-locked/kv/a"), await read("diff-locked/child/kv/a")];
    },
    vault: [noRoute("diff-locked/kv/a"), noRoute("diff-locked/child/kv/a")],
    openbao: [locked, locked],
  },
];

/** A lease that a token of the root namespace gets in a namespace below it, by the path. */
async function leaseBelow(vault: ContractContext, namespaceName: string) {
  await vault.root("POST", `sys/namespaces/${namespaceName}`, {});
  await vault.root("POST", `${namespaceName}/sys/mounts/database`, { type: "database" });
  const { url } = vault.underTest.database!;
  const connection = { plugin_name: "postgresql-database-plugin", allowed_roles: ["app"], connection_url: url };
  await vault.root("POST", `${namespaceName}/database/config/pg`, connection);
  const creation_statements = [`CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'`];
  const role = { db_name: "pg", creation_statements, default_ttl: "1h", max_ttl: "2h" };
  await vault.root("POST", `${namespaceName}/database/roles/app`, role);
  const rules = [`database/creds/app" { capabilities = ["read"]`, 'sys/leases/renew" { capabilities = ["update"]'];
  const policy = rules.map((rule) => `path "${namespaceName}/${rule} }`).join("\n");
  await vault.root("PUT", `sys/policies/acl/${namespaceName}`, { policy });
  const { client_token: token } = await vault.token({ policies: [namespaceName] });
  const { json } = await vault.ask("GET", `${namespaceName}/database/creds/app`, { token });
  return { token, id: json?.lease_id ?? "none", user: json?.data?.["username"] };
}

const ofLeases: readonly Difference[] = [
  {
    name: "a lease in a namespace",
    answer: async (vault) => (await leaseBelow(vault, "diff-lease")).id,
    vault: "none",
    openbao: expect.stringMatching(/^database\/creds\/app\/[A-Za-z0-9]{24}\.[A-Za-z0-9]{6}$/),
  },
  {
    name: "the renewal of a lease in a namespace, from its own and from the one above",
    answer: async (vault) => {
      const { token, id } = await leaseBelow(vault, "diff-renew");
      const renew = async (path: string) => outcome(await vault.ask("PUT", path, { token, body: { lease_id: id } }));
      return [await renew("diff-renew/sys/leases/renew"), await renew("sys/leases/renew")];
    },
    vault: [noRoute("diff-renew/sys/leases/renew"), refused(400, "lease not found")],
    openbao: [{ status: 200 }, refused(500, "1 error occurred:\n\t* cannot renew a lease across namespaces\n\n")],
  },
  {
    name: "whether a lease in a namespace below the token's goes with the token",
    answer: async (vault) => {
      const { token, user } = await leaseBelow(vault, "diff-revoke");
      await vault.ask("POST", "auth/token/revoke-self", { token });
      return user === undefined ? "no lease" : (await vault.underTest.database!.users()).includes(user as string);
    },
    vault: "no lease",
    openbao: true,
  },
];

const ofStandbys: readonly Difference[] = [
  {
    name: "a standby that may not forward",
    answer: async (vault) => {
      await vault.must("POST", "diff-standby/a", { x: "1" });
      const headers = { "x-vault-no-request-forwarding": "true" };
      const question = { token: vault.underTest.rootToken, headers };
      const read = () => ask(vault.underTest.standbyAddress!, "GET", "diff-standby/a?x=1", question);
      await expect.poll(async () => (await read()).status).not.toBe(404);
      const { status, headers: of } = await read();
      return [status, of.location === `${vault.underTest.address}/v1/diff-standby/a?x=1`];
    },
    vault: [307, true],
    openbao: [200, false],
  },
  {
    name: "a standby right after its leader wrote",
    answer: async (vault) => {
      const path = "diff-standby/fresh";
      await vault.must("POST", path, { x: "1" });
      const read = () => ask(vault.underTest.standbyAddress!, "GET", path, { token: vault.underTest.rootToken });
      const { status } = await read();
      await expect.poll(async () => (await read()).status).toBe(200);
      return status;
    },
    vault: 200,
    // Behind by up to 120 ms, so that it may have the write already where the machine is slow.
    openbao: expect.toSatisfy((status) => status === 404 || status === 200),
  },
];

const suiteOf =
  (name: string, rows: readonly Difference[], prepare: (vault: ContractContext) => Promise<void>): Suite =>
  (context, { product }) => {
    describe(`where Vault and OpenBao differ: ${name}`, () => {
      let vault: ContractContext;
      beforeAll(async () => {
        vault = context();
        await prepare(vault);
      });
      test.each(rows)("$name", async ({ answer, [product]: expected }) => {
        expect(await answer(vault)).toEqual(expected);
      });
    });
  };

export const differences: Suite = suiteOf("any node", ofAnyNode, async (vault) => {
  await vault.must("POST", "sys/mounts/diff-kv1", { type: "kv", options: { version: "1" } });
  for (const name of ["a", "folder/a", "folder/deeper/b"]) await vault.must("POST", `diff-kv1/${name}`, { x: "1" });
  await vault.must("POST", "sys/mounts/diff-kv2", { type: "kv", options: { version: "2" } });
  for (const name of ["folder/a", "folder/deeper/b"]) {
    await vault.must("POST", `diff-kv2/data/${name}`, { data: {} });
  }
  await vault.must("POST", "sys/auth/diff-approle", { type: "approle" });
  await vault.must("POST", "sys/auth/diff-jwt", { type: "jwt" });
  await vault.must("POST", "auth/diff-jwt/config", { jwt_validation_pubkeys: [vault.underTest.issuer.publicKeyPem] });
  const accessor = (await vault.root("GET", "sys/auth")).json!.data["diff-jwt/"] as { accessor: string };
  const own = `path "diff-kv1/{{identity.entity.aliases.${accessor.accessor}.name}}/*" { capabilities = ["read"] }`;
  await vault.must("PUT", "sys/policies/acl/diff-templated", { policy: own });
  await vault.must("POST", "auth/diff-jwt/role/templated", {
    role_type: "jwt",
    bound_audiences: ["vault"],
    user_claim: "who",
    token_policies: ["diff-templated"],
  });
  await vault.must("POST", "sys/auth/diff-k8s", { type: "kubernetes" });
  await vault.must("POST", "sys/mounts/diff-pki", { type: "pki", config: { max_lease_ttl: "87600h" } });
  await vault.must("POST", "diff-pki/root/generate/internal", { common_name: "example root", ttl: "87600h" });
  const role = { allowed_domains: ["example.com"], allow_subdomains: true, ttl: "24h", max_ttl: "72h" };
  await vault.must("POST", "diff-pki/roles/app", role);
});

export const differencesOfLeases: Suite = suiteOf("leases", ofLeases, async () => {});

export const differencesOfStandbys: Suite = suiteOf("standbys", ofStandbys, async (vault) => {
  await vault.must("POST", "sys/mounts/diff-standby", { type: "kv", options: { version: "1" } });
});
