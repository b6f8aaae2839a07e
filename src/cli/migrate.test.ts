import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { loadOptions } from "../config/load-options.js";
import { startReadyVault } from "../../dev/testing/ready-vault.js";
import { filesIn, startProvider } from "../../dev/testing/start-provider.js";
import { migrateOn } from "./migrate.js";

interface Class {
  name: string;
  namespace?: string;
  provider?: string;
  parameters: Record<string, string>;
}

const objects = (text: string) => text.trim();
const password = objects("- {objectName: password, secretPath: secret/data/web, secretKey: password}");

/** kubectl's output, with the fields that the API server adds. */
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
          env: [{name: VAULT_ADDR, value: "${address}"}, {name: VAULT_TOKEN, valueFrom: {secretKeyRef: {name: a, key: b}}}]
        - {name: vault-agent, image: hashicorp/vault, command: [vault], args: [agent, -config=/etc/vault/config.hcl]}
`;

async function migrate(
  classes: readonly Class[] | string,
  args: readonly string[] = [],
  files: Record<string, string> = {},
) {
  const all: Record<string, string> = { classes: typeof classes === "string" ? classes : kubectl(classes), ...files };
  const out = { file: "", report: "" };
  const written: Record<string, string> = {};
  const stage = {
    writeNewFiles: async (newFiles: readonly { path: string; text: string }[]) => {
      for (const { path, text } of newFiles) written[path] = text;
    },
  };
  const code = await migrateOn(stage).run(
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
    written,
    data: (parse(out.file || "{}") ?? {}) as { connections: Record<string, Connection>; default: string },
  };
}

interface Connection {
  addresses: string[];
  aliases?: string[];
  namespace?: string;
  auth: { mount: string };
  tls?: object;
  policy: Record<string, string[]>[];
}

/** The Agent's file as vault-helm writes it (templates/csi-agent-configmap.yaml). */
const agentsConfigMap = (address: string) => `---
apiVersion: v1
kind: ConfigMap
metadata: {name: vault-csi-provider-agent-config}
data:
  config.hcl: |
    vault {
        "address" = "${address}"
    }

    cache {}

    listener "unix" {
        address = "/var/run/vault/agent.sock"
        tls_disable = true
    }
`;

const csiDriver = (...audiences: string[]) => `---
apiVersion: storage.k8s.io/v1
kind: CSIDriver
metadata: {name: secrets-store.csi.k8s.io}
spec: {tokenRequests: ${JSON.stringify(audiences.map((audience) => ({ audience })))}}
`;

const web = { name: "web", parameters: { roleName: "web", objects: password } };
const agentSocket = "unix:///var/run/vault/agent.sock";
const sourceFlag = ["--", "--vault-addr=https://vault.example:8200"];

test("classes that name no Vault get one connection, which allows what the classes of each namespace use", async () => {
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
    sourceFlag,
  );
  expect(code).toBe(0);
  expect(data).toEqual({
    providerName: "vault",
    default: "vault",
    connections: {
      vault: {
        addresses: ["https://vault.example:8200"],
        auth: { mount: "kubernetes" },
        audiences: ["vault"],
        policy: [
          {
            namespaces: ["payments"],
            roles: ["pay"],
            audiences: ["pay"],
            methods: ["GET"],
            paths: ["secret/data/web"],
            authMounts: ["cluster-a"],
            vaultNamespaces: ["team-a"],
          },
          { namespaces: ["shop"], roles: ["web"], audiences: [], methods: ["GET"], paths: ["secret/data/web"] },
        ],
      },
    },
  });
  expect(file).toMatch(
    /^# Written by keymount migrate.* it grants each .*\n# .*in any combination within a namespace\.$/m,
  );
  expect(report).toContain("1 of 2 classes work as they are, 1 with a difference, 0 not at all.");
  expect(report).toContain('tokenRequests: [{audience: "pay"}, {audience: "vault"}]');
});

test("each address that classes name is a connection, the source provider's the default one", async () => {
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
    sourceFlag,
  );
  expect(Object.entries(two.data.connections).map(([name, { addresses }]) => [name, addresses])).toEqual([
    ["vault-example", ["https://vault.example:8200"]],
    ["vault-other", ["https://vault.other"]],
  ]);
  expect(two.data.default).toBe("vault-example");
});

describe("the source provider's DaemonSet", () => {
  test.each<[string, string, string[], string]>([
    ["its own Vault", chartsDaemonSet("https://vault.example:8200/"), [], "https://vault.example:8200"],
    [
      "an Agent whose ConfigMap is there",
      chartsDaemonSet(agentSocket) + agentsConfigMap("http://vault.vault.svc:8200"),
      [],
      "http://vault.vault.svc:8200",
    ],
    ["an Agent, and a flag", chartsDaemonSet(agentSocket), sourceFlag, "https://vault.example:8200"],
    ["its own Vault, and a flag", chartsDaemonSet("https://other"), sourceFlag, "https://vault.example:8200"],
  ])("names %s", async (_, ds, flags, address) => {
    const { code, data } = await migrate([web], ["--daemonset", "ds", ...flags], { ds });
    expect(code).toBe(0);
    expect(Object.values(data.connections).map(({ addresses }) => addresses)).toEqual([[address]]);
  });

  test("with an Agent needs the address of the Vault behind it", async () => {
    const { code, report } = await migrate([web], ["--daemonset", "ds"], { ds: chartsDaemonSet(agentSocket) });
    expect(code).toBe(2);
    expect(report).toMatch(/through an Agent.*--vault-addr.*ConfigMap/);
  });

  test("says the mount, the namespace, TLS and the timeout of every connection", async () => {
    const args =
      "[-endpoint=/provider/vault.sock, -vault-mount=cluster-a, --vault-tls-ca-cert=$(CA), -vault-namespace=team]";
    const ds = `kind: List
items:
- kind: DaemonSet
  metadata: {name: other}
  spec: {template: {spec: {containers: [{name: x, image: x}]}}}
- kind: DaemonSet
  metadata: {name: vault-csi-provider}
  spec:
    template:
      spec:
        containers:
        - name: vault-csi-provider
          args: ${args}
          env:
          - {name: VAULT_ADDR, value: "https://vault.example"}
          - {name: VAULT_CLIENT_TIMEOUT, value: "60"}
          - {name: CA, value: /ca.crt}
          - {name: VAULT_TOKEN, value: canary-token}
          - {name: VAULT_NAMESPACE, valueFrom: {configMapKeyRef: {name: a, key: b}}}
`;
    const { code, data, file, report } = await migrate(
      [web, { name: "eu", parameters: { ...web.parameters, vaultAddress: "https://eu.example" } }],
      ["--daemonset", "ds"],
      { ds },
    );
    expect(code).toBe(0);
    for (const connection of Object.values(data.connections)) {
      expect(connection).toMatchObject({
        auth: { mount: "cluster-a" },
        namespace: "team",
        tls: { caFile: "/ca.crt" },
        limits: { requestTimeout: "60000ms" },
      });
    }
    expect(report).toMatch(/VAULT_TOKEN is never used/);
    expect(report).toMatch(/VAULT_NAMESPACE comes from another object/);
    expect(file + report).not.toContain("canary-token");
  });

  test("of OpenBao makes it classes of openbao", async () => {
    const ds = chartsDaemonSet("https://bao.example").replaceAll("vault.sock", "openbao.sock");
    const { data, report } = await migrate(
      [web, { name: "bao", provider: "openbao", parameters: { baoRoleName: "a", objects: password } }],
      ["--daemonset", "ds"],
      { ds },
    );
    expect(data).toMatchObject({ providerName: "openbao", connections: { bao: { audiences: ["openbao"] } } });
    expect(report).toContain("shop/bao works as it is");
  });

  test("with VAULT_SKIP_VERIFY goes on without verification, and the file warns", async () => {
    const ds = chartsDaemonSet("https://vault.example").replace(
      "env: [",
      "env: [{name: VAULT_SKIP_VERIFY, value: '1'}, ",
    );
    const { data, file } = await migrate([web], ["--daemonset", "ds"], { ds });
    expect(data.connections["vault"]!.tls).toEqual({ skipVerify: true });
    expect(file).toContain("Anyone between keymount and Vault reads everything");
  });
});

describe("what does not follow", () => {
  const withProxy = (address: string, variables: string) =>
    chartsDaemonSet(address).replace("env: [", `env: [${variables}, `);

  test.each<[string, string, RegExp]>([
    ["a variable", "{name: HTTPS_PROXY, value: 'http://proxy:3128'}", /through a proxy \(HTTPS_PROXY\)/],
    ["a variable from elsewhere", "{name: HTTPS_PROXY, valueFrom: {}}", /through a proxy \(HTTPS_PROXY\)/],
    [
      "Vault's variable",
      "{name: VAULT_PROXY_ADDR, value: 'http://proxy:3128'}",
      /through a proxy \(VAULT_PROXY_ADDR\)/,
    ],
  ])("a proxy of the source provider, by %s: the switch is blocked", async (_, variables, said) => {
    const ds = withProxy("https://vault.example:8200", variables).replace(/\n.*vault-agent.*/, "");
    const { code, report } = await migrate([web], ["--daemonset", "ds"], { ds });
    expect(report).toMatch(/^Before the switch, or no pod gets its files:\n {2}connection vault: /);
    expect(report).toMatch(said);
    expect(code).toBe(1);
    const { code: again, file } = await migrate([web], ["--daemonset", "ds", "--json"], { ds });
    const { blockers } = JSON.parse(file) as { blockers: string[] };
    expect({ again, blockers }).toEqual({ again: 1, blockers: [expect.stringMatching(said)] });
  });

  test("a proxy that does not stand before Vault blocks nothing", async () => {
    const variables = "{name: HTTPS_PROXY, value: 'http://proxy:3128'}, {name: NO_PROXY, value: .example}";
    const ds = withProxy("https://vault.example:8200", variables).replace(/\n.*vault-agent.*/, "");
    const { code, report } = await migrate([web], ["--daemonset", "ds"], { ds });
    expect(code).toBe(0);
    expect(report).toContain("HTTPS_PROXY has no effect: no proxy is taken from the environment");
  });

  test.each([
    ["https://vault:8200", /the short name vault does not follow.*write vault\.csi\.svc into addresses/],
    ["http://127.0.0.1:8200", /127\.0\.0\.1:8200 is the source provider's own pod/],
  ])("the address %s", async (address, said) => {
    const { report } = await migrate([web], ["--daemonset", "ds"], { ds: chartsDaemonSet(address) });
    expect(report).toMatch(said);
  });

  test.each(["https://vault.vault:8200", "https://vault.example", "https://10.0.0.1"])(
    "the address %s follows",
    async (address) => {
      const { report } = await migrate([web], ["--daemonset", "ds"], { ds: chartsDaemonSet(address) });
      expect(report).not.toMatch(/does not follow, because|own pod/);
    },
  );

  test("Secrets and ConfigMaps of its namespace", async () => {
    const ds = chartsDaemonSet("https://vault.example").replace(
      "          args: [--end",
      `          volumeMounts: [{name: tls, mountPath: /vault/tls}, {name: all, mountPath: /all}, {name: other, mountPath: /o}]
          envFrom: [{configMapRef: {name: proxies}}]
          args: [--end`,
    );
    const volumes = `      volumes:
        - {name: tls, secret: {secretName: vault-ca}}
        - {name: all, projected: {sources: [{secret: {name: a}}, {configMap: {name: b}}]}}
        - {name: other, hostPath: {path: /}}
        - {name: unmounted, configMap: {name: agent-config}}
`;
    const { report } = await migrate([web], ["--daemonset", "ds"], { ds: ds + volumes });
    expect(report.match(/(Secret|ConfigMap) \S+ of namespace csi, mounted at \S+ does not follow/g)).toEqual([
      "Secret vault-ca of namespace csi, mounted at /vault/tls, does not follow",
      "Secret a of namespace csi, mounted at /all, does not follow",
      "ConfigMap b of namespace csi, mounted at /all, does not follow",
    ]);
    expect(report).toContain("the variables of the ConfigMap proxies (envFrom) are not seen here");
  });
});

describe("what the source provider has of its node", () => {
  const older = "/etc/kubernetes/secrets-store-csi-providers";
  const usual = "/var/run/secrets-store-csi-providers";
  interface Node {
    hostPath?: string;
    mountPath?: string;
    subPath?: string;
    hostNetwork?: boolean;
    endpoint?: string;
  }

  const daemonSetOn = ({ hostPath = usual, mountPath = "/provider", subPath, hostNetwork, endpoint }: Node) => {
    const mount = JSON.stringify({ name: "providervol", mountPath, subPath });
    const network = hostNetwork === undefined ? "" : `      hostNetwork: ${hostNetwork}\n`;
    return `${chartsDaemonSet("https://vault.example")
      .replace("/provider/vault.sock", endpoint ?? "/provider/vault.sock")
      .replace("          env:", `          volumeMounts: [${mount}]\n          env:`)}${network}      volumes:
        - {name: providervol, hostPath: {path: ${hostPath}, type: Directory}}
`;
  };

  const inOlder =
    /^ {2}the DaemonSet vault-csi-provider has hostPath \/etc\/kubernetes\/secrets-store-csi-providers \(volume providervol\), where drivers look first, so a socket left there hides keymount's: set sockets\.additionalDirectory to it, as --values does \(without the chart: additionalSocketDir\)$/m;
  const inAnother =
    /^ {2}the DaemonSet vault-csi-provider has hostPath \/opt\/providers \(volume providervol\) for its socket, which does not follow: set sockets\.directory to it where it is the driver's --provider-volume, or sockets\.additionalDirectory where it is one of --additional-provider-volume-paths$/m;
  const another =
    /^ {2}the DaemonSet vault-csi-provider has hostPath \/etc\/ssl \(volume providervol, mounted at \/tls\), which does not follow: .* \(chart: extraVolumes, extraVolumeMounts\)$/m;
  const network =
    /^ {2}the DaemonSet vault-csi-provider has hostNetwork: true, which does not follow: set hostNetwork where Vault admits the nodes' own addresses only$/m;

  test.each<[string, Node, RegExp[], boolean]>([
    ["the usual directory", {}, [], false],
    ["the usual directory by its other name", { hostPath: "/run/secrets-store-csi-providers/" }, [], false],
    ["openbao-helm's directory", { hostPath: older }, [inOlder], true],
    ["openbao-helm's directory with a slash at its end", { hostPath: `${older}/` }, [inOlder], true],
    [
      "openbao-helm's directory below a mount",
      { hostPath: "/etc/kubernetes", endpoint: "/provider/secrets-store-csi-providers/vault.sock" },
      [inOlder],
      true,
    ],
    [
      "openbao-helm's directory by a subPath",
      { hostPath: "/etc/kubernetes", subPath: "secrets-store-csi-providers" },
      [inOlder],
      true,
    ],
    ["openbao-helm's directory beside its socket's", { hostPath: older, mountPath: "/older" }, [inOlder], true],
    ["another directory for its socket", { hostPath: "/opt/providers" }, [inAnother], false],
    ["another directory", { hostPath: "/etc/ssl", mountPath: "/tls" }, [another], false],
    [
      "the kubelet's directory of pods",
      { hostPath: "/var/lib/kubelet/pods", mountPath: "/var/lib/kubelet/pods" },
      [],
      false,
    ],
    ["hostNetwork", { hostNetwork: true }, [network], false],
    ["no hostNetwork", { hostNetwork: false }, [], false],
    ["openbao-helm's directory and hostNetwork", { hostPath: older, hostNetwork: true }, [network, inOlder], true],
  ])("%s", async (_, node, said, isWritten) => {
    const ds = daemonSetOn(node);
    const { code, data, report } = await migrate([web], ["--daemonset", "ds", "--values"], { ds });
    expect(code).toBe(0);
    expect(report.match(/^ {2}the DaemonSet .*$/gm) ?? []).toEqual(
      said.map((one) => expect.stringMatching(one) as string),
    );
    expect((data as { sockets?: object }).sockets).toEqual(isWritten ? { additionalDirectory: older } : undefined);
    const file = await migrate([web], ["--daemonset", "ds"], { ds });
    expect(file.file).not.toContain(older);
  });
});

describe("the Secret of the key", () => {
  const named = chartsDaemonSet("https://vault.example");
  const usual = named.replace(", --hmac-secret-name=vault-csi-provider-hmac-key", "");

  test.each<[string, string, string]>([
    ["is the one that the source provider names", named.replace("=vault-csi-provider-hmac-key", "=our-key"), "our-key"],
    ["is the usual one of vault-csi-provider", usual, "vault-csi-provider-hmac-key"],
    [
      "is the usual one of openbao-csi-provider",
      usual.replaceAll("vault.sock", "openbao.sock"),
      "openbao-csi-provider-hmac-key",
    ],
  ])("%s", async (_, ds, name) => {
    const provider = ds.includes("openbao.sock") ? "openbao" : "vault";
    const classes = [{ ...web, provider }];
    const file = await migrate(classes, ["--daemonset", "ds"], { ds });
    expect(file.data).toMatchObject({ keySecret: name });
    const chart = await migrate(classes, ["--daemonset", "ds", "--values"], { ds });
    expect(chart.data).toMatchObject({ provider, key: { secretName: name }, config: { providerName: provider } });
    expect(chart.data).not.toHaveProperty("config.keySecret");
  });
});

test("an Agent's socket that classes name becomes a name of the default connection", async () => {
  const { code, data, report } = await migrate(
    [{ name: "web", parameters: { ...web.parameters, vaultAddress: agentSocket } }],
    sourceFlag,
  );
  expect({ code, connections: Object.values(data.connections) }).toMatchObject({
    code: 0,
    connections: [{ addresses: ["https://vault.example:8200"], aliases: [agentSocket] }],
  });
  expect(report).toContain("shop/web works as it is");
});

test.each([
  ["without requiresRepublish: the report tells what that means for all classes", "", true],
  ["with requiresRepublish: false: so it does", "requiresRepublish: false, ", true],
  ["with requiresRepublish: true: there is nothing to tell", "requiresRepublish: true, ", false],
])("a CSIDriver %s", async (_, field, told) => {
  const ds = chartsDaemonSet("https://vault.example") + csiDriver("vault").replace("spec: {", `spec: {${field}`);
  const { code, report } = await migrate([web], ["--daemonset", "ds"], { ds });
  expect(code).toBe(0);
  const [, forAll = ""] = report.split("For all of them:\n");
  expect(/^ {2}the CSIDriver's requiresRepublish is not true: .* one Mount only, so no rotation/m.test(forAll)).toBe(
    told,
  );
});

test.each<[string, number, RegExp]>([
  [
    "is named",
    1,
    /: class shop\/app0 names an Agent's socket \(unix:\S+agent\.sock\), and the Agent goes; give .* --vault-addr$/m,
  ],
  ["is named, and how many others do the same", 3, /: class shop\/app0 names .*, and 2 more do, and the Agent goes/],
])("a class with an Agent's socket whose Vault nothing tells %s", async (_, amount, said) => {
  const parameters = { ...web.parameters, vaultAddress: agentSocket };
  const apps = Array.from({ length: amount }, (_, index) => ({ name: `app${index}`, parameters }));
  const { code, report } = await migrate([
    { name: "web", parameters: { ...web.parameters, vaultAddress: "https://vault.example" } },
    ...apps,
  ]);
  expect(code).toBe(2);
  expect(report).toMatch(said);
  expect(report).not.toContain("the source provider");
});

test("with the CSIDriver's audiences known, a class whose token it does not send would be refused", async () => {
  const ds = chartsDaemonSet("https://vault.example");
  const classes = [web, { name: "pay", parameters: { ...web.parameters, audience: "pay" } }];
  const lacking = await migrate(classes, ["--daemonset", "ds"], { ds: ds + csiDriver("vault") });
  expect(lacking.code).toBe(1);
  expect(lacking.report).toMatch(
    /shop\/pay would be refused:\n {2}the CSIDriver's tokenRequests have no audience "pay"/,
  );
  const whole = await migrate(classes, ["--daemonset", "ds"], { ds: ds + csiDriver("vault", "pay") });
  expect(whole.code).toBe(0);
  expect(whole.report).toContain("shop/pay works as it is");
});

describe("TLS", () => {
  const classWith = (name: string, parameters: Record<string, string>) => ({
    name,
    parameters: { ...web.parameters, ...parameters },
  });
  const ca = { vaultCACertPath: "/ca.crt" };

  test.each<[string, Record<string, string>[], object | undefined]>([
    ["what its classes say", [ca], { caFile: "/ca.crt" }],
    ["what most of its classes say", [ca, ca, { vaultSkipTLSVerify: "true" }], { caFile: "/ca.crt" }],
    ["among equals, what verifies", [ca, { vaultSkipTLSVerify: "true" }], { caFile: "/ca.crt" }],
    ["nothing for a false", [{ vaultSkipTLSVerify: "false" }], undefined],
    ["nothing for half a client certificate", [{ vaultTLSClientCertPath: "/tls.crt" }], undefined],
    [
      "a whole client certificate, and the name",
      [{ vaultTLSClientCertPath: "/tls.crt", vaultTLSClientKeyPath: "/tls.key", vaultTLSServerName: "vault" }],
      { certFile: "/tls.crt", keyFile: "/tls.key", serverName: "vault" },
    ],
  ])("of a connection is %s", async (_, said, tls) => {
    const classes = said.map((parameters, index) => classWith(`c${index}`, parameters));
    const { data } = await migrate(classes, sourceFlag);
    expect(Object.values(data.connections)[0]!.tls).toEqual(tls);
  });

  test("of the others changes, which is said", async () => {
    const { report } = await migrate(
      [classWith("a", ca), classWith("b", ca), classWith("c", {}), classWith("d", { vaultSkipTLSVerify: "true" })],
      sourceFlag,
    );
    const on = (name: string) => report.split(/^(?=shop\/)/m).find((part) => part.startsWith(`shop/${name} `));
    expect(on("a")).toContain("vaultCACertPath has no effect: connections.vault.tls decides, and says the same");
    expect(on("c")).toContain("connections.vault.tls has what other classes said of TLS");
    expect(on("d")).toContain(
      "vaultSkipTLSVerify true is not used; check connections.vault.tls.caFile, which is /ca.crt, or TLS fails where a",
    );
  });
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
    sourceFlag,
  );
  expect(code).toBe(1);
  expect(report).toMatch(/^shop\/web would be refused:$/m);
  expect(report).toMatch(reason);
  expect(file).toContain("connections:");
});

test.each<[string, Record<string, string>, RegExp]>([
  [
    "TLS that the connection has",
    { vaultCACertPath: "/mnt/ca.crt", objects: password },
    /vaultCACertPath has no effect: connections\.vault\.tls decides, and says the same/,
  ],
  [
    "TLS of a connection without it",
    { vaultAddress: "http://vault.example", vaultSkipTLSVerify: "true", objects: password },
    /vaultSkipTLSVerify has no effect: the connection has no TLS/,
  ],
  [
    "a misspelt field",
    { objects: objects("- {objectName: a, secretPath: secret/a, secretKey: x, secretkey: x}") },
    /secretkey.*never had an effect/,
  ],
])("a class with %s works as it is, with a note", async (_, parameters, note) => {
  const classes = [{ name: "web", parameters: { roleName: "web", ...parameters } }];
  const { code, report } = await migrate(classes, sourceFlag);
  expect(code).toBe(0);
  expect(report).toMatch(new RegExp(`^shop/web works as it is:\n {2}note: .*${note.source}`, "m"));
  expect(report).toContain("1 of 1 classes work as they are, 0 with a difference");
  const { file } = await migrate(classes, ["--json", ...sourceFlag]);
  expect(JSON.parse(file)).toMatchObject({ classes: [{ reasons: [], notes: [expect.stringMatching(note)] }] });
});

test.each<[string, Record<string, string>, string]>([
  [
    "CA file",
    { vaultCACertPath: "/vault/tls/ca.crt" },
    "vaultCACertPath /vault/tls/ca.crt is not used; write CONNECTION.caFile, or TLS fails where a private CA signed",
  ],
  [
    "CA directory",
    { vaultCADirectory: "/ca" },
    "vaultCADirectory /ca is not used; write CONNECTION.caDirectory, or TLS fails where a private CA signed",
  ],
  [
    "server name",
    { vaultTLSServerName: "v" },
    "vaultTLSServerName v is not used; write CONNECTION.serverName, or TLS fails where Vault's certificate has another name",
  ],
  [
    "client certificate",
    { vaultTLSClientCertPath: "/c", vaultTLSClientKeyPath: "/k" },
    "vaultTLSClientCertPath /c is not used; write CONNECTION.certFile, or Vault refuses",
  ],
  [
    "verification turned off",
    { vaultSkipTLSVerify: "true" },
    "vaultSkipTLSVerify true is not used; write CONNECTION.caFile, or TLS fails where a private CA signed",
  ],
])("a class whose %s its connection lacks behaves otherwise: the report says what to write", async (_, tls, said) => {
  const others = ["a", "b"].map((name) => ({ name, parameters: web.parameters }));
  const { report } = await migrate([{ name: "web", parameters: { ...web.parameters, ...tls } }, ...others], sourceFlag);
  expect(report).toMatch(/^shop\/web would behave otherwise:$/m);
  expect(report).toContain(said.replace("CONNECTION", "connections.vault.tls"));
});

test.each<[string, Record<string, string>, RegExp]>([
  [
    "a whole answer",
    { objects: objects("- {objectName: all, secretPath: secret/data/web}") },
    /without secretKey the file of "all" lacks request_id/,
  ],
  [
    "an audience of its own",
    { audience: "shop", objects: password },
    /audience "shop": the CSIDriver must list it in tokenRequests/,
  ],
  [
    "a field of keymount's alone",
    { objects: objects("- {objectName: a, secretPath: secret/data/a, secretKey: x, version: 2}") },
    /objects\[0\]: version takes effect; the source provider ignores it/,
  ],
  [
    "a parameter of keymount's alone",
    { refreshInterval: "10m", objects: password },
    /parameter refreshInterval takes effect/,
  ],
  [
    "a spelling of OpenBao's",
    { baoNamespace: "team", objects: password },
    /parameter baoNamespace takes effect; the source provider ignores it/,
  ],
  [
    "a JSON Pointer",
    { objects: objects("- {objectName: a, secretPath: secret/data/a, secretKey: /x}") },
    /the secretKey of "a" starts with \/ and so is a JSON Pointer/,
  ],
  [
    "something that Vault makes",
    { objects: objects("- {objectName: a, secretPath: pki/issue/a, secretKey: x, method: PUT}") },
    /what Vault makes for "a" is kept/,
  ],
  [
    "two requests of one path",
    {
      objects: objects(
        "[{objectName: a, secretPath: transit/decrypt/a, secretKey: x, method: PUT, secretArgs: {n: 1}}, " +
          "{objectName: b, secretPath: transit/decrypt/a, secretKey: x, method: PUT, secretArgs: {n: 2}}]",
      ),
    },
    /each of "a", "b" gets its own answer/,
  ],
])("a class with %s behaves otherwise, which is said", async (_, parameters, reason) => {
  const { code, report, file } = await migrate(
    [{ name: "web", parameters: { roleName: "web", ...parameters } }],
    sourceFlag,
  );
  expect(code).toBe(0);
  expect(report).toMatch(/^shop\/web would behave otherwise:$/m);
  expect(report).toMatch(reason);
  expect(file).toContain("connections:");
});

test("the methods are those that classes ask for, also beyond the usual", async () => {
  const { data } = await migrate(
    [
      {
        name: "web",
        parameters: { roleName: "web", objects: "- {objectName: a, secretPath: secret/a, method: PATCH}" },
      },
    ],
    sourceFlag,
  );
  expect(Object.values(data.connections)[0]!.policy[0]!["methods"]).toEqual(["PATCH"]);
});

test("classes of other providers are counted, and not looked at", async () => {
  const { report } = await migrate(
    [
      { name: "web", parameters: { roleName: "web", objects: password } },
      { name: "aws", provider: "aws", parameters: {} },
      { name: "bao", provider: "openbao", parameters: {} },
    ],
    sourceFlag,
  );
  expect(report).toContain("Left out, for they are other providers' classes: 1 of aws, 1 of openbao.");
});

test("no argument of a request is ever printed", async () => {
  const canary = "canary-plaintext";
  const secretArgs = `- {objectName: ../a, secretPath: transit/encrypt/a, method: PUT, secretArgs: {plaintext: ${canary}}}`;
  const { file, report } = await migrate(
    [{ name: "web", parameters: { roleName: "web", objects: secretArgs } }],
    ["--json", ...sourceFlag],
  );
  expect(file + report).not.toContain(canary);
  expect(report).toBe("");
  expect(JSON.parse(file)).toMatchObject({
    configuration: expect.stringContaining("connections:") as string,
    classes: [{ namespace: "shop", name: "web", outcome: "refused" }],
    audiences: ["vault"],
    skipped: {},
  });
});

test("the same classes, in any order, give the same file", async () => {
  const classes = ["b", "a", "c"].map((name) => ({ name, parameters: { roleName: name, objects: password } }));
  expect((await migrate(classes, sourceFlag)).file).toBe((await migrate([...classes].reverse(), sourceFlag)).file);
});

test.each<[string, string, string[], RegExp]>([
  [
    "no Vault is known",
    kubectl([{ name: "a", parameters: { roleName: "a", objects: password } }]),
    [],
    /--daemonset FILE, or --vault-addr/,
  ],
  ["a class is there twice", kubectl([web, web]), sourceFlag, /the class shop\/web is there twice; keep one/],
  [
    "the classes are another provider's",
    kubectl([
      { ...web, provider: "openbao" },
      { ...web, provider: "Vault" },
    ]),
    sourceFlag,
    /but of Vault, openbao \(--provider openbao\)/,
  ],
  [
    "a kind is misspelt",
    "kind: secretProviderClass\n",
    sourceFlag,
    /classes:1:7: kind secretProviderClass is not known; did you mean SecretProviderClass\?/,
  ],
  [
    "there is no class",
    kubectl([]),
    sourceFlag,
    /no class of the provider vault; kubectl get secretproviderclass -A -o yaml writes/,
  ],
  ["a file is missing", kubectl([]), ["-f", "nowhere"], /cannot read nowhere: there is no such file/],
  ["two files are the standard input", kubectl([]), ["-f", "-", "-f", "-"], /standard input is one file/],
  ["the provider is another", kubectl([]), ["--provider", "azure"], /--provider is vault or openbao/],
  ["the classes are no YAML", "kind: [", sourceFlag, /^keymount migrate: classes:1:\d+: the YAML /],
  [
    "a parameter is no string, which no API server would have",
    "kind: SecretProviderClass\nspec: {provider: vault, parameters: {roleName: 1}}",
    sourceFlag,
    /classes:2:\d+: parameter roleName must be a string/,
  ],
  ["an option is unknown", kubectl([]), ["--nonsense"], /nonsense/],
  [
    "a flag of the source provider is wrong",
    kubectl([{ name: "a", parameters: { roleName: "a", objects: password } }]),
    ["--", "--vault-addr=vault:8200"],
    /source provider's flags.*must start with/s,
  ],
  [
    "the DaemonSet is another",
    kubectl([{ name: "a", parameters: { roleName: "a", objects: password } }]),
    ["--daemonset", "classes"],
    /no DaemonSet of vault-csi-provider/,
  ],
])("when %s, it says so, and ends with 2", async (_, classes, args, message) => {
  const { code, report, file } = await migrate(classes, args);
  expect(code).toBe(2);
  expect(report).toMatch(message);
  expect(file).toBe("");
});

test("values that a rule would read otherwise are not written: such a class would be refused", async () => {
  const { code, data, report } = await migrate(
    [web, { name: "wide", parameters: { ...web.parameters, roleName: "*", audience: "{{namespace}}" } }],
    sourceFlag,
  );
  expect(code).toBe(1);
  expect(Object.values(data.connections)[0]!.policy[0]).toMatchObject({ roles: ["web"], audiences: [] });
  expect(report).toContain('role "*" is not allowed (connections.vault.policy.roles)');
});

test.each<[string, Record<string, string>, string]>([
  ["role", { roleName: "{{ .Values.role }}" }, 'role "{{ .Values.role }}"'],
  [
    "path",
    { objects: "- {objectName: a, secretPath: 'a/{{ .Values.app }}', secretKey: k}" },
    '"a": path "a/{{ .Values.app }}"',
  ],
])(
  "a class with a %s from a Helm template that is not rendered would be refused: the chart comes first",
  async (_, parameters, what) => {
    const { code, report } = await migrate(
      [web, { name: "app", parameters: { ...web.parameters, ...parameters } }],
      sourceFlag,
    );
    expect(code).toBe(1);
    expect(report).toContain(`${what} is a template that is not rendered; render the chart first (helm template)`);
    expect(report).not.toContain("is not allowed");
  },
);

test("what a path of one step names is granted as well", async () => {
  const parameters = { roleName: "web", objects: "- {objectName: a, secretPath: kv1, method: LIST, secretKey: keys}" };
  expect((await migrate([{ name: "web", parameters }], sourceFlag)).code).toBe(0);
});

test("a class that names no namespace is of the one that -n names", async () => {
  const written = `kind: SecretProviderClass
metadata: {name: web}
spec: {provider: vault, parameters: {roleName: web, objects: "${password}"}}
`;
  const { data, report } = await migrate(written, ["-n", "staging", ...sourceFlag]);
  expect(data.connections["vault"]!.policy[0]!["namespaces"]).toEqual(["staging"]);
  expect(report).toContain("staging/web works as it is");
});

test("a connection without encryption is reported", async () => {
  const { report } = await migrate([web], ["--vault-addr", "http://vault.example:8200"]);
  expect(report).toContain("connection vault sends tokens and secrets unencrypted to http://vault.example:8200");
});

describe("where the file goes", () => {
  test("--write writes it into a new file", async () => {
    const { code, file, written } = await migrate([web], ["--write", "keymount.yaml", ...sourceFlag]);
    expect({ code, file }).toEqual({ code: 0, file: "" });
    expect(written["keymount.yaml"]).toMatch(/^# Written by keymount migrate/);
  });

  test("--values makes it values of the chart", async () => {
    const plain = await migrate([web], sourceFlag);
    const { data, file } = await migrate([web], ["--values", ...sourceFlag]);
    expect(data).toEqual({ provider: "vault", config: plain.data });
    expect(file).toMatch(/^# image\.repository: .*none is published yet/);
  });
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
    const provider = await startProvider({ vault, file });
    expect(filesIn(await provider.mount(parameters))).toEqual({ app: "hunter2" });
    expect(filesIn(await provider.mount({ ...parameters, roleName: "admin" }))).toMatch(/policy\.roles/);
  } finally {
    await vault.stop();
  }
});
