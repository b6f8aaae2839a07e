import fc from "fast-check";
import { expect, test } from "vitest";
import { ConfigError } from "./config-error.js";
import { loadOptions } from "./load-options.js";
import type { Options } from "./options.js";

interface Given {
  argv?: string[];
  env?: Record<string, string>;
  file?: string;
}

const fileName = "keymount.yaml";

function load({ argv = [], env = {}, file }: Given): Options {
  const readFile = (path: string) => {
    if (path === fileName && file !== undefined) return file;
    throw Object.assign(new Error("no such file"), { code: "ENOENT" });
  };
  const config = file === undefined ? [] : ["--config", fileName];
  return loadOptions({ argv: [...config, ...argv], env, execArgv: [], readFile });
}

function mistakes(given: Given): readonly string[] {
  try {
    load(given);
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
  return [];
}

const addr = ["--vault-addr", "https://vault.example:8200"];
const oneVault = "connections:\n  main:\n    addresses: [https://vault.example:8200]\n";
const first = (options: Options) => options.operator.defaultConnection;

test.each<[string, string, string[], string[]]>([
  ["the connection's own", "", ["kubernetes"], [""]],
  ["those of its settings", "    auth: {mount: cluster-a}\n    namespace: team\n", ["cluster-a"], ["team"]],
  [
    "what the policy lists",
    '    policy: {authMounts: [jwt, "*"], vaultNamespaces: ["", "x"]}\n',
    ["jwt", "*"],
    ["", "x"],
  ],
])("a pod's token goes to %s", (_name, text, authMounts, vaultNamespaces) => {
  const { policy } = first(load({ file: oneVault + text }));
  expect(policy[0]).toMatchObject({ authMounts, vaultNamespaces });
});

test("an operator who gives only --vault-addr gets one connection with the usual settings", () => {
  const options = load({ argv: [...addr, "--endpoint", "unix:///csi/openbao.sock"] });
  expect(options).toEqual({
    socketPath: "/csi/openbao.sock",
    providerName: "openbao",
    healthAddress: { port: 8080 },
    logLevel: "info",
    operator: {
      connections: [first(options)],
      defaultConnection: {
        name: "default",
        addresses: [{ origin: "https://vault.example:8200" }],
        aliases: [],
        vaultNamespace: "",
        tls: { skipVerify: false },
        authMount: "kubernetes",
        authMethod: "kubernetes",
        audiences: ["openbao"],
        tokenPer: "pod",
        limits: {
          inFlight: 16,
          logins: 8,
          requestTimeoutMs: 20_000,
          connectTimeoutMs: 5_000,
          maxAnswerBytes: 4_194_304,
        },
        policy: [
          {
            namespaces: ["*"],
            authMounts: ["kubernetes"],
            roles: ["*"],
            vaultNamespaces: [""],
            audiences: ["*"],
            methods: ["GET", "LIST", "POST", "PUT"],
            paths: ["*"],
            deniedPaths: ["sys/*", "auth/*"],
          },
        ],
      },
      classAddress: "refuse",
    },
    driverPollIntervalMs: 120_000,
    refreshIntervalMs: 60_000,
    maxOrphanMs: 3_600_000,
    podWatch: false,
    events: false,
    limits: { volumes: 4096, bytes: 16_777_216, inFlightBytes: 20_971_520, responseBytes: 3_670_016 },
    notes: [],
  });
});

test("a whole file", () => {
  const file = `
endpoint: unix:///csi/vault.sock
healthAddress: "[::1]:9000"
logLevel: off
keySecret: keymount/keymount-key
driverPollInterval: 1m30s
refreshInterval: 10m
classAddress: use-default
tokenRequest: { fallback: true }
events: true
stateDir: /run/keymount/vault
stateOnDisk: true
nodeName: node-1
podWatch: true
leases: { maxOrphan: 30m }
limits: { volumes: 100, bytes: 128Mi, inFlightBytes: 64Mi, responseBytes: 8388608 }
default: tenants
connections:
  main:
    addresses: [https://vault-0.example:8200/, HTTPS://VAULT-1.example]
    aliases: [http://vault.vault:8200]
    namespace: /eng/
    tls: { caFile: /ca.pem, certFile: /c.pem, keyFile: /k.pem, serverName: vault }
    auth: { mount: auth/cluster-a/, method: jwt }
    audiences: [vault, ""]
    tokenPer: serviceAccount
    limits: { inFlight: 4, requestTimeout: 5s, connectTimeout: 500ms, answerBytes: 64Ki }
    policy: { namespaces: [shop], methods: [GET], paths: ["kv/data/{{namespace}}/*"], deniedPaths: [] }
  tenants:
    addresses: [unix:///run/vault.sock]
`;
  const options = load({ file });
  expect(options).toMatchObject({
    socketPath: "/csi/vault.sock",
    healthAddress: { host: "::1", port: 9000 },
    logLevel: "silent",
    key: { secret: { namespace: "keymount", name: "keymount-key" } },
    driverPollIntervalMs: 90_000,
    refreshIntervalMs: 600_000,
    fallbackAudiences: ["vault"],
    events: true,
    state: { directory: "/run/keymount/vault", onDisk: true },
    nodeName: "node-1",
    podWatch: true,
    maxOrphanMs: 1_800_000,
    limits: { volumes: 100, bytes: 2 ** 27, inFlightBytes: 2 ** 26, responseBytes: 2 ** 23 },
    operator: { classAddress: "use-default", defaultConnection: { name: "tenants" } },
  });
  expect(options.operator.connections[0]).toMatchObject({
    name: "main",
    addresses: [{ origin: "https://vault-0.example:8200" }, { origin: "https://vault-1.example" }],
    aliases: ["http://vault.vault:8200"],
    vaultNamespace: "eng",
    tls: { caFile: "/ca.pem", certFile: "/c.pem", keyFile: "/k.pem", serverName: "vault", skipVerify: false },
    authMount: "cluster-a",
    authMethod: "jwt",
    audiences: ["vault", ""],
    tokenPer: "serviceAccount",
    limits: { inFlight: 4, logins: 8, requestTimeoutMs: 5000, connectTimeoutMs: 500, maxAnswerBytes: 65_536 },
    policy: [
      {
        namespaces: ["shop"],
        roles: ["*"],
        methods: ["GET"],
        paths: ["kv/data/{{namespace}}/*"],
        deniedPaths: [],
      },
    ],
  });
});

test.each<[string, Given, Partial<Options>]>([
  [
    "the socket where the driver looks for it",
    { argv: addr },
    { socketPath: "/var/run/secrets-store-csi-providers/vault.sock" },
  ],
  [
    "--socket-dir and --provider-name",
    { argv: [...addr, "--socket-dir=/csi", "--provider-name=bao"] },
    { socketPath: "/csi/bao.sock", providerName: "bao" },
  ],
  [
    "a second directory, where the socket has the same name",
    { argv: [...addr, "--endpoint=/provider/bao.sock", "--additional-socket-dir=/old"] },
    { socketPath: "/provider/bao.sock", additionalSocketPath: "/old/bao.sock" },
  ],
  [
    "-endpoint without a scheme",
    { argv: [...addr, "-endpoint=/provider/vault.sock"] },
    { socketPath: "/provider/vault.sock" },
  ],
  [
    "an endpoint and the name it has",
    { argv: [...addr, "--endpoint=/csi/bao.sock", "--provider-name=bao"] },
    { providerName: "bao" },
  ],
  [
    "--endpoint over the file's socketDir",
    { argv: ["--endpoint=/a/vault.sock"], file: `socketDir: /b\n${oneVault}` },
    { socketPath: "/a/vault.sock" },
  ],
  [
    "--key-file over the file's keySecret",
    { argv: ["--key-file=/key"], file: `keySecret: a/b\n${oneVault}` },
    { key: { file: "/key" } },
  ],
  [
    "-hmac-secret-name",
    { argv: [...addr, "-hmac-secret-name=vault-csi-provider-hmac-key"] },
    { key: { secret: { name: "vault-csi-provider-hmac-key" } } },
  ],
  [
    "-health-addr and -log-level",
    { argv: [...addr, "-health-addr=127.0.0.1:0", "-log-level", "WARN"] },
    { healthAddress: { host: "127.0.0.1", port: 0 }, logLevel: "warn" },
  ],
  ["-debug", { argv: [...addr, "-debug=true"] }, { logLevel: "debug" }],
  ["-log-level beside -debug", { argv: [...addr, "-debug", "-log-level=error"] }, { logLevel: "error" }],
  ["-debug=false", { argv: [...addr, "-debug=false"] }, { logLevel: "info" }],
  [
    "the cluster it runs in",
    { argv: [...addr, "--key-file=/k"], env: { KUBERNETES_SERVICE_HOST: "10.0.0.1", KUBERNETES_SERVICE_PORT: "6443" } },
    { kubernetesApi: { host: "10.0.0.1", port: 6443 } },
  ],
])("%s", (_name, given, expected) => {
  expect(load(given)).toMatchObject(expected);
});

test.each<[string, Given, object]>([
  ["VAULT_ADDR", { env: { VAULT_ADDR: "https://v:8200" } }, { addresses: [{ origin: "https://v:8200" }] }],
  [
    "VAULT_ADDR of an Agent's socket",
    { env: { VAULT_ADDR: "unix:///run/agent.sock" } },
    { addresses: [{ origin: "unix:///run/agent.sock" }] },
  ],
  [
    "BAO_ADDR before VAULT_ADDR",
    { env: { BAO_ADDR: "https://b", VAULT_ADDR: "https://v" } },
    { addresses: [{ origin: "https://b" }] },
  ],
  [
    "the flag before the variable",
    { argv: addr, env: { VAULT_ADDR: "https://v" } },
    { addresses: [{ origin: "https://vault.example:8200" }] },
  ],
  ["an empty variable as none", { argv: addr, env: { VAULT_NAMESPACE: "" } }, { vaultNamespace: "" }],
  [
    "the flag before the file",
    { argv: ["-vault-addr=http://127.0.0.1:8200"], file: oneVault },
    { name: "main", addresses: [{ origin: "http://127.0.0.1:8200" }] },
  ],
  ["the variable before the file", { env: { VAULT_NAMESPACE: "eng" }, file: oneVault }, { vaultNamespace: "eng" }],
  [
    "the Vault flags of the older provider",
    {
      argv: [
        ...addr,
        "-vault-mount=k",
        "-vault-namespace=eng",
        "-vault-tls-ca-cert=/ca",
        "-vault-tls-ca-directory=/cas",
        "-vault-tls-server-name=v",
        "-vault-tls-client-cert=/c",
        "-vault-tls-client-key=/k",
        "-vault-tls-skip-verify",
      ],
    },
    {
      authMount: "k",
      vaultNamespace: "eng",
      tls: { caFile: "/ca", caDirectory: "/cas", serverName: "v", certFile: "/c", keyFile: "/k", skipVerify: true },
    },
  ],
  [
    "OpenBao's spelling of them",
    { argv: ["-openbao-addr=https://bao", "-openbao-mount=k", "-openbao-tls-skip-verify=true"] },
    { addresses: [{ origin: "https://bao" }], authMount: "k", tls: { skipVerify: true } },
  ],
  [
    "the variables of both",
    {
      env: {
        BAO_ADDR: "https://b",
        VAULT_CACERT: "/ca",
        BAO_CAPATH: "/cas",
        VAULT_CLIENT_CERT: "/c",
        BAO_CLIENT_KEY: "/k",
        VAULT_TLS_SERVER_NAME: "v",
        VAULT_CLIENT_TIMEOUT: "30",
      },
    },
    {
      tls: { caFile: "/ca", caDirectory: "/cas", certFile: "/c", keyFile: "/k", serverName: "v" },
      limits: { requestTimeoutMs: 30_000 },
    },
  ],
])("takes %s", (_name, given, expected) => {
  expect(first(load(given))).toMatchObject(expected);
});

test("flags speak of the default connection only, also where YAML has one map in two places", () => {
  const file =
    "default: a\nconnections:\n  a: &a\n    addresses: [https://a]\n    tls: &t { caFile: /ca }\n  b:\n    addresses: [https://b]\n    tls: *t\n";
  const { operator } = load({ file, argv: ["--vault-tls-ca-cert=/other"] });
  expect(operator.connections.map(({ tls }) => tls.caFile)).toEqual(["/other", "/ca"]);
});

test.each<[string, Given, string[]]>([
  [
    "no Vault at all",
    {},
    ["no Vault to talk to: give --vault-addr ADDRESS (or VAULT_ADDR), or connections in the file that --config names"],
  ],
  [
    "an empty file",
    { file: "" },
    ["no Vault to talk to: give --vault-addr ADDRESS (or VAULT_ADDR), or connections in the file that --config names"],
  ],
  [
    "a file that is not there",
    { argv: ["--config=/etc/none.yaml"] },
    ["--config: /etc/none.yaml cannot be read: there is no such file"],
  ],
  ["a list for a file", { file: "- a" }, ["keymount.yaml:1:1: the file must be a map of settings"]],
  [
    "a ConfigMap for its data",
    { file: "apiVersion: v1\nkind: ConfigMap\ndata: {keymount.yaml: 'connections: {}'}\n" },
    ["keymount.yaml:1:1: the file is an object of Kubernetes; the configuration is what a ConfigMap has under data"],
  ],
  ["no YAML", { file: "a: [\nb: s.token" }, ["keymount.yaml:2:1: not valid YAML (bad indent)"]],
  ["a key twice", { file: `${oneVault}connections: {}` }, ["keymount.yaml:4:1: the key is there twice"]],
  [
    "aliases that multiply",
    {
      file: `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c]`,
    },
    ["keymount.yaml: has an alias (*name) that cannot be followed"],
  ],
  [
    "no key in a cluster",
    { argv: addr, env: { KUBERNETES_SERVICE_HOST: "10.0.0.1" } },
    [
      "no key: give --key-secret [NAMESPACE/]NAME or --key-file FILE; in a cluster the versions of secrets must be the same on every node",
    ],
  ],
  [
    "two sources of the key",
    { argv: [...addr, "--key-file=/k", "--key-secret=a/b"] },
    ["--key-file and --key-secret cannot both be given; keep one"],
  ],
  [
    "two places for the socket in the file",
    { file: `endpoint: /a/vault.sock\nsocketDir: /a\n${oneVault}` },
    ["endpoint and socketDir cannot both be given; keep one"],
  ],
  [
    "a second directory that is the first",
    { argv: [...addr, "--endpoint=/a/vault.sock", "--additional-socket-dir=/a/"] },
    ["additionalSocketDir is the directory of the socket itself; leave it out"],
  ],
  [
    "an endpoint of another name",
    { argv: [...addr, "--endpoint=/a/vault.sock", "--provider-name=bao"] },
    ["endpoint names the provider vault, and providerName bao; leave one of them out"],
  ],
  [
    "an endpoint that the driver does not find",
    { argv: [...addr, "--endpoint=/a/vault.socket"] },
    ["endpoint must end in NAME.sock, where NAME is 1 to 30 letters, digits, - or _: the driver looks for it"],
  ],
  ...["--endpoint=unix:vault.sock", "--endpoint=csi/vault.sock", "--socket-dir=csi", "--additional-socket-dir=csi"].map(
    (flag): [string, Given, string[]] => [
      `${flag}, a directory that depends on where keymount was started`,
      { argv: [...addr, flag] },
      ["the socket's directory must be absolute (start with /): the driver looks for it from elsewhere"],
    ],
  ),
  [
    "a TCP endpoint",
    { argv: [...addr, "--endpoint=tcp://0.0.0.0:1"] },
    ["endpoint must be unix:///dir/NAME.sock or /dir/NAME.sock"],
  ],
  [
    "a socket path too long to connect to",
    { argv: [...addr, `--socket-dir=/${"d".repeat(100)}`] },
    ["the socket's path is longer than 107 bytes"],
  ],
  [
    "a name that the driver refuses",
    { argv: [...addr, "--provider-name=my.vault"] },
    [
      '--provider-name: "my.vault" must be 1 to 30 letters, digits, - or _, as the driver demands of a provider\'s name',
    ],
  ],
  [
    "two spellings that differ",
    { argv: [...addr, "-openbao-addr=https://b"] },
    ["--vault-addr and --openbao-addr mean the same and say different things; keep one"],
  ],
  [
    "values of flags and variables",
    { argv: [...addr, "--health-addr=8080", "--log-level=loud"], env: { VAULT_CLIENT_TIMEOUT: "soon" } },
    [
      '--health-addr: "8080" must be HOST:PORT or :PORT',
      '--log-level: "loud" must be one of trace, debug, info, warn, error, off',
      'VAULT_CLIENT_TIMEOUT: "soon" must be a duration from 100ms to 10m (as in 500ms, 30s, 2m)',
    ],
  ],
  [
    "a default that is not there",
    { file: `default: mian\n${oneVault}`, argv: addr },
    ['keymount.yaml:1:1: default: "mian" is not one of the connections (main); did you mean main?'],
  ],
])("refuses %s", (_name, given, expected) => {
  expect([...mistakes(given)].sort()).toEqual([...expected].sort());
});

test("names every mistake of a file at once, in its order, with line and column, without what may be a secret", () => {
  const file = `
default: mian
bogus: s3cret
tokenRequest: {audiences: [x]}
driverPollInterval: 2 minutes
limits: {bytes: 3, volume: 1, volumes: 1.5}
connections:
  main:
    adresses: [https://a]
    addresses:
      - https://user:s3cret@vault.example
      - https://ok
      - 5
    tls: {keyFile: /k, skipVerify: "no"}
    auth: {mount: ../sys, token: s3cret}
    policy:
      namespaces:
      authMounts: [auth/kubernetes]
      roles: ["{{role}}"]
      methods: [get]
      paths: [/kv/data/*, kv/data/]
  other:
    aliases: [vault]
    addresses: [https://b, https://b/]
    tls: {certFile: /c}
    limits: {requestTimeout: 1ms, inFlight: 0}
  "my vault": {addresses: [https://c]}
`;
  const found = mistakes({ file });
  expect(found).toEqual([
    'keymount.yaml:2:1: default: "mian" is not one of the connections (main, other, my vault); did you mean main?',
    expect.stringMatching(/^keymount\.yaml:3:1: bogus: is not a setting; here are: endpoint, /),
    "keymount.yaml:4:16: tokenRequest.audiences: has no effect without fallback: true",
    'keymount.yaml:5:1: driverPollInterval: "2 minutes" must be a duration from 1s to 24h (as in 30s, 2m, 1h30m); write it without spaces',
    "keymount.yaml:6:10: limits.bytes: 3 must be a size from 1Mi to 64Gi (as in 64Mi, 1Gi)",
    "keymount.yaml:6:20: limits.volume: is not a setting; did you mean volumes?",
    "keymount.yaml:6:31: limits.volumes: 1.5 must be a whole number",
    "keymount.yaml:9:5: connections.main.adresses: is not a setting; did you mean addresses?",
    "keymount.yaml:11:9: connections.main.addresses.0: holds a user name or password; leave out everything before the @",
    "keymount.yaml:13:9: connections.main.addresses.2: 5 must be text",
    'keymount.yaml:14:24: connections.main.tls.skipVerify: "no" must be true or false',
    'keymount.yaml:15:12: connections.main.auth.mount: "../sys" is not a plain path (no empty step, "..", "?", "#", "%", "\\")',
    "keymount.yaml:15:27: connections.main.auth.token: is not a setting; here are: mount, method",
    "keymount.yaml:17:7: connections.main.policy.namespaces: is empty; give it a value or leave it out",
    'keymount.yaml:18:20: connections.main.policy.authMounts.0: "auth/kubernetes" starts with auth/; leave that out',
    'keymount.yaml:19:15: connections.main.policy.roles.0: "{{role}}" has a placeholder that is not known; there are {{namespace}} and {{serviceAccount}}',
    'keymount.yaml:20:17: connections.main.policy.methods.0: "get" must be one of GET, LIST, POST, PUT, PATCH, DELETE',
    'keymount.yaml:21:15: connections.main.policy.paths.0: "/kv/data/*" starts with / or v1/; leave that out',
    'keymount.yaml:21:27: connections.main.policy.paths.1: "kv/data/" ends with /; write /* for all below it',
    "keymount.yaml:23:15: connections.other.aliases.0: must start with https://, http:// or unix://",
    "keymount.yaml:24:5: connections.other.addresses: has an address twice",
    "keymount.yaml:25:5: connections.other.tls: has a certFile but no keyFile; a client certificate needs both",
    'keymount.yaml:26:14: connections.other.limits.requestTimeout: "1ms" must be a duration from 100ms to 10m (as in 500ms, 30s, 2m)',
    "keymount.yaml:26:35: connections.other.limits.inFlight: 0 must be at least 1",
    "keymount.yaml:27:3: connections.my vault: is not a connection's name (letters, digits, -, _ and ., at most 63)",
  ]);
  expect(found.join("\n")).not.toContain("s3cret");
});

test("says what was accepted and means little here, and never a variable's value", () => {
  const argv = [
    "-cache-size=10",
    "-debug",
    "-output",
    "json",
    "--vault-addr=http://vault:8200",
    "-vault-tls-skip-verify",
  ];
  const env = { VAULT_TOKEN: "s3cret", BAO_SKIP_VERIFY: "1", https_proxy: "http://proxy", VAULT_MAX_RETRIES: "" };
  const { notes } = load({ argv, env, file: oneVault });
  expect(notes).toEqual([
    "--debug is --log-level debug",
    "--cache-size has no effect: the cache holds what pods need, within limits.volumes and limits.bytes",
    "--output has no effect: it was for -version",
    "VAULT_TOKEN is never used: every pod logs in as itself; take it out of the environment",
    "BAO_SKIP_VERIFY has no effect: only --vault-tls-skip-verify or tls.skipVerify turns verification off",
    "https_proxy has no effect: no proxy is taken from the environment",
    "--vault-addr wins over the file's connections.main.addresses",
    "connection main sends tokens and secrets unencrypted to http://vault:8200",
    "connection main takes any certificate for Vault's (tls.skipVerify)",
  ]);
});

test("what refuses to start is named with the rest", () => {
  expect(mistakes({ env: { NODE_TLS_REJECT_UNAUTHORIZED: "0" } })).toHaveLength(2);
});

test("every file and every set of flags yields options or mistakes", () => {
  const scrap = fc.constantFrom(
    "connections",
    "default",
    "main",
    "addresses",
    "https://v",
    "policy",
    "tls",
    ":",
    "\n",
    "\n  ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "&a ",
    "*a",
    "<<",
    "null",
    "1",
    '"',
    "__proto__",
    "toString",
    " ",
    "!!binary ",
    "---\n",
  );
  const file = fc.oneof(
    fc.array(scrap, { maxLength: 30 }).map((scraps) => scraps.join("")),
    fc.json(),
    fc.string(),
  );
  const argv = fc.array(
    fc.oneof(
      fc.string(),
      fc.constantFrom("--vault-addr", "https://v", "-debug", "--key-file", "--", "--__proto__", "-vault-mount="),
    ),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(file, argv, (text, flags) => {
      try {
        expect(load({ file: text, argv: flags }).operator.connections).not.toHaveLength(0);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        expect(error.mistakes).not.toHaveLength(0);
      }
    }),
    { numRuns: 1000 },
  );
});

test.each([
  ["2m", []],
  ["10m", [expect.stringContaining("empty volume")]],
])("a driverPollInterval of %s is noted where the driver may start pods empty", (interval, notes) => {
  expect(load({ file: `driverPollInterval: ${interval}\n${oneVault}` }).notes).toEqual(notes);
});
