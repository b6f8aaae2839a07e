import { expect, test } from "vitest";
import { parse } from "yaml";
import { loadOptions } from "../config/load-options.js";
import { startReadyVault } from "../testing/ready-vault.js";
import { filesIn, startProvider } from "../testing/start-provider.js";
import { migrateCommand } from "./migrate.js";

interface Class {
  name: string;
  namespace?: string;
  provider?: string;
  parameters: Record<string, string>;
}

const objects = (text: string) => text.trim();
const password = objects("- {objectName: password, secretPath: secret/data/web, secretKey: password}");

/** What kubectl prints, with the fields that nobody wrote. */
const kubectl = (classes: readonly Class[]) =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "List",
    items: classes.map(({ name, namespace = "shop", provider = "vault", parameters }) => ({
      apiVersion: "secrets-store.csi.x-k8s.io/v1",
      kind: "SecretProviderClass",
      metadata: { name, namespace, generation: 1, managedFields: [] },
      spec: { provider, parameters },
    })),
  });

const chartsDaemonSet = (address: string) => `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: vault-csi-provider, namespace: csi}
spec:
  template:
    spec:
      containers:
        - name: vault-csi-provider
          image: hashicorp/vault-csi-provider:1.7.4
          args: [--endpoint=/provider/vault.sock, --log-level=info, --hmac-secret-name=vault-csi-provider-hmac-key]
          env: [{name: VAULT_ADDR, value: "${address}"}]
        - {name: vault-agent, image: hashicorp/vault, command: [vault], args: [agent, -config=/etc/vault/config.hcl]}
`;

async function migrate(
  classes: readonly Class[] | string,
  args: readonly string[] = [],
  files: Record<string, string> = {},
) {
  const all: Record<string, string> = { classes: typeof classes === "string" ? classes : kubectl(classes), ...files };
  const out = { file: "", report: "" };
  const code = await migrateCommand.run(
    ["-f", "classes", ...args],
    {
      program: "keymount",
      stdout: { write: (text) => void (out.file += text) },
      stderr: { write: (text) => void (out.report += text) },
      readFile: async (path) => {
        if (all[path] === undefined) throw Object.assign(new Error(path), { code: "ENOENT" });
        return all[path];
      },
    },
    new AbortController().signal,
  );
  return {
    code,
    ...out,
    data: (parse(out.file || "{}") ?? {}) as { connections: Record<string, Connection>; default: string },
  };
}

interface Connection {
  addresses: string[];
  namespace?: string;
  auth: { mount: string };
  tls?: object;
  policy: Record<string, string[]>;
}

const formerFlag = ["--", "--vault-addr=https://vault.example:8200"];

test("classes that name no Vault get one connection, which allows what they ask and nothing more", async () => {
  const { code, data, file, report } = await migrate(
    [
      { name: "web", parameters: { roleName: "web", objects: password } },
      {
        name: "pay",
        namespace: "payments",
        parameters: {
          roleName: "pay",
          vaultNamespace: "team-a",
          vaultAuthMountPath: "cluster-a",
          audience: "pay",
          objects: password,
        },
      },
    ],
    formerFlag,
  );
  expect(code).toBe(0);
  expect(data).toEqual({
    providerName: "vault",
    keySecret: "vault-csi-provider-hmac-key",
    default: "vault",
    connections: {
      vault: {
        addresses: ["https://vault.example:8200"],
        auth: { mount: "kubernetes" },
        policy: {
          namespaces: ["payments", "shop"],
          authMounts: ["cluster-a", "kubernetes"],
          roles: ["pay", "web"],
          vaultNamespaces: ["", "team-a"],
          audiences: ["pay"],
          paths: ["secret/*"],
        },
      },
    },
  });
  expect(file).toMatch(/^# Written by keymount migrate/);
  expect(report).toContain("1 of 2 classes work as they are, 1 with a difference, 0 not at all.");
  expect(report).toContain('tokenRequests: [{audience: "pay"}, {audience: "vault"}]');
});

test("each address that classes name is a connection, the former provider's the default one", async () => {
  const { data } = await migrate(
    [
      { name: "a", parameters: { roleName: "a", vaultAddress: "https://vault-b.example:8200/", objects: password } },
      { name: "b", parameters: { roleName: "b", vaultAddress: "HTTPS://Vault-B.example:8200", objects: password } },
      { name: "c", parameters: { roleName: "c", objects: password } },
    ],
    [],
    {},
  );
  expect(data.default).toBe("vault-b");
  const two = await migrate(
    [{ name: "a", parameters: { roleName: "a", vaultAddress: "https://vault.other", objects: password } }],
    formerFlag,
  );
  expect(Object.entries(two.data.connections).map(([name, { addresses }]) => [name, addresses])).toEqual([
    ["vault", ["https://vault.example:8200"]],
    ["vault-other", ["https://vault.other"]],
  ]);
  expect(two.data.default).toBe("vault");
});

test("the former provider's DaemonSet says which Vault it was, the agent beside it, and the key", async () => {
  const { data, file } = await migrate(
    [{ name: "web", parameters: { roleName: "web", objects: password } }],
    ["--daemonset", "ds"],
    {
      ds: chartsDaemonSet("unix:///var/run/vault/agent.sock"),
    },
  );
  expect(Object.values(data.connections)[0]!.addresses).toEqual(["unix:///var/run/vault/agent.sock"]);
  expect(file).toContain("keymount needs none");
  const flag = await migrate(
    [{ name: "web", parameters: { roleName: "web", objects: password } }],
    ["--daemonset", "ds", ...formerFlag],
    {
      ds: chartsDaemonSet("unix:///var/run/vault/agent.sock"),
    },
  );
  expect(Object.values(flag.data.connections)[0]!.addresses).toEqual(["https://vault.example:8200"]);
});

test.each<[string, Record<string, string>, RegExp]>([
  [
    "a path of Vault's own",
    { objects: objects("- {objectName: a, secretPath: sys/health}") },
    /sys\/health.*deniedPaths/,
  ],
  ["a file out of the volume", { objects: objects("- {objectName: ../a, secretPath: secret/a}") }, /objectName/],
  ["two files of one name", { objects: `${password}\n${password}` }, /password/],
  ["an address that is none", { vaultAddress: "vault:8200", objects: password }, /vaultAddress must start with/],
  ["no role", { roleName: "", objects: password }, /roleName is missing/],
])("a class with %s would be refused, which is said, and the file is written", async (_, parameters, reason) => {
  const { code, report, file } = await migrate(
    [{ name: "web", parameters: { roleName: "web", ...parameters } }],
    formerFlag,
  );
  expect(code).toBe(1);
  expect(report).toMatch(/^shop\/web would be refused:$/m);
  expect(report).toMatch(reason);
  expect(file).toContain("connections:");
});

test.each<[string, Record<string, string>, RegExp]>([
  ["TLS of its own", { vaultCACertPath: "/mnt/ca.crt", objects: password }, /vaultCACertPath has no effect/],
  [
    "a whole answer",
    { objects: objects("- {objectName: all, secretPath: secret/data/web}") },
    /all: a file without secretKey no longer holds request_id/,
  ],
  [
    "an audience of its own",
    { audience: "shop", objects: password },
    /audience shop: the CSIDriver object must list it/,
  ],
  [
    "a misspelt field",
    { objects: objects("- {objectName: a, secretPath: secret/a, secretkey: x}") },
    /secretkey.*never had an effect/,
  ],
])("a class with %s behaves otherwise, which is said", async (_, parameters, reason) => {
  const { code, report, file } = await migrate(
    [{ name: "web", parameters: { roleName: "web", ...parameters } }],
    formerFlag,
  );
  expect(code).toBe(0);
  expect(report).toMatch(/^shop\/web would behave otherwise:$/m);
  expect(report).toMatch(reason);
  if ("vaultCACertPath" in parameters) expect(file).toContain("Classes set vaultCACertPath");
});

test("a method beyond the usual is allowed where a class asks for it", async () => {
  const { data } = await migrate(
    [
      {
        name: "web",
        parameters: { roleName: "web", objects: "- {objectName: a, secretPath: secret/a, method: PATCH}" },
      },
    ],
    formerFlag,
  );
  expect(Object.values(data.connections)[0]!.policy["methods"]).toEqual(["GET", "LIST", "PATCH", "POST", "PUT"]);
});

test("classes of other providers are counted, and not looked at", async () => {
  const { report } = await migrate(
    [
      { name: "web", parameters: { roleName: "web", objects: password } },
      { name: "aws", provider: "aws", parameters: {} },
      { name: "bao", provider: "openbao", parameters: {} },
    ],
    formerFlag,
  );
  expect(report).toContain("2 classes are of other providers.");
});

test("no argument of a request is ever printed", async () => {
  const canary = "canary-plaintext";
  const secretArgs = `- {objectName: ../a, secretPath: transit/encrypt/a, method: PUT, secretArgs: {plaintext: ${canary}}}`;
  const { file, report } = await migrate(
    [{ name: "web", parameters: { roleName: "web", objects: secretArgs } }],
    ["--json", ...formerFlag],
  );
  expect(file + report).not.toContain(canary);
  expect(JSON.parse(report)).toMatchObject({
    classes: [{ namespace: "shop", name: "web", outcome: "refused" }],
    skipped: 0,
  });
});

test("the same classes, in any order, give the same file", async () => {
  const classes = ["b", "a", "c"].map((name) => ({ name, parameters: { roleName: name, objects: password } }));
  expect((await migrate(classes, formerFlag)).file).toBe((await migrate([...classes].reverse(), formerFlag)).file);
});

test.each<[string, string, string[], RegExp]>([
  [
    "no Vault is known",
    kubectl([{ name: "a", parameters: { roleName: "a", objects: password } }]),
    [],
    /--daemonset FILE, or -- --vault-addr/,
  ],
  ["there is no class", kubectl([]), formerFlag, /no class of the provider vault/],
  ["a file is missing", kubectl([]), ["-f", "nowhere"], /cannot read nowhere: ENOENT/],
  ["an option is unknown", kubectl([]), ["--nonsense"], /nonsense/],
  [
    "a flag of the former provider is wrong",
    kubectl([{ name: "a", parameters: { roleName: "a", objects: password } }]),
    ["--", "--vault-addr=vault:8200"],
    /former provider's flags.*must start with/s,
  ],
  [
    "the DaemonSet is another",
    kubectl([{ name: "a", parameters: { roleName: "a", objects: password } }]),
    ["--daemonset", "classes"],
    /no container of a csi-provider/,
  ],
])("when %s, it says so, and ends with 2", async (_, classes, args, message) => {
  const { code, report, file } = await migrate(classes, args);
  expect(code).toBe(2);
  expect(report).toMatch(message);
  expect(file).toBe("");
});

test("keymount serves the classes with the file that was written", async () => {
  const vault = await startReadyVault();
  try {
    const parameters = {
      roleName: "web",
      objects: objects("- {objectName: app, secretPath: kv/data/app, secretKey: password}"),
    };
    const { file, code } = await migrate([{ name: "web", parameters }], ["--", `--vault-addr=${vault.address}`]);
    expect(code).toBe(0);
    expect(
      loadOptions({ argv: ["--config=x"], env: {}, execArgv: [], readFile: () => file }).operator.connections,
    ).toHaveLength(1);
    // Outside a cluster there is no Secret to take the key from.
    const provider = await startProvider({
      vault,
      file: file.replace(/^keySecret: .*$/m, "").replace(/^providerName: .*$/m, ""),
    });
    expect(filesIn(await provider.mount(parameters))).toEqual({ app: "hunter2" });
    expect(filesIn(await provider.mount({ ...parameters, roleName: "admin" }))).toMatch(/policy\.roles/);
  } finally {
    await vault.stop();
  }
});
