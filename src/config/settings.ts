/** One thing that flags, and some of them the environment, can say as well as the file. */
export interface Setting {
  section: "Provider" | "Vault (the default connection)";
  /** Without dashes, ours first; one dash or two, `=` or a space before the value. */
  flags: readonly string[];
  /** In order of precedence. */
  env: readonly string[];
  /** Its key in the file; `NAME` is the default connection. Without it there is only the flag. */
  key?: string;
  /** What a value is called in the help; without it the flag is true or false, and true when it stands alone. */
  value?: string;
  text: string;
  default?: string;
}

/** Prefixes of flags and variables for Vault, as the two older providers have them. */
const flags = (name: string) => [`vault-${name}`, `openbao-${name}`];
const env = (...names: string[]) => names.flatMap((name) => [`BAO_${name}`, `VAULT_${name}`]);

export const settings: readonly Setting[] = [
  {
    section: "Provider",
    flags: ["config"],
    env: [],
    value: "FILE",
    text: "the configuration file (docs/configuration.md)",
  },
  {
    section: "Provider",
    flags: ["endpoint"],
    env: [],
    key: "endpoint",
    value: "SOCKET",
    text: "where to listen: unix:///dir/NAME.sock or /dir/NAME.sock",
    default: "socket-dir/provider-name.sock",
  },
  {
    section: "Provider",
    flags: ["socket-dir"],
    env: [],
    key: "socketDir",
    value: "DIR",
    text: "directory of the socket, instead of --endpoint",
    default: "/var/run/secrets-store-csi-providers",
  },
  {
    section: "Provider",
    flags: ["additional-socket-dir"],
    env: [],
    key: "additionalSocketDir",
    value: "DIR",
    text: "a second directory to listen in, where drivers look first and a stale socket may remain",
  },
  {
    section: "Provider",
    flags: ["provider-name"],
    env: [],
    key: "providerName",
    value: "NAME",
    text: "spec.provider of SecretProviderClasses, and the default audience",
    default: "the socket's name, else vault",
  },
  {
    section: "Provider",
    flags: ["health-addr"],
    env: [],
    key: "healthAddress",
    value: "HOST:PORT",
    text: "where /livez, /readyz and /metrics are served",
    default: ":8080",
  },
  {
    section: "Provider",
    flags: ["log-level"],
    env: [],
    key: "logLevel",
    value: "LEVEL",
    text: "trace, debug, info, warn, error or off",
    default: "info",
  },
  {
    section: "Provider",
    flags: ["events"],
    env: [],
    key: "events",
    text: "report failed refreshes, changed content and ending credentials as events of the pods",
    default: "false",
  },
  {
    section: "Provider",
    flags: ["state-dir"],
    env: [],
    key: "stateDir",
    value: "DIR",
    text: "keep Vault tokens, leases and credentials across restarts, encrypted: a directory on a tmpfs of the node",
  },
  {
    section: "Provider",
    flags: ["state-on-disk"],
    env: [],
    key: "stateOnDisk",
    text: "allow a state directory that is not on a tmpfs",
    default: "false",
  },
  {
    section: "Provider",
    flags: ["node-name"],
    env: ["NODE_NAME", "KUBE_NODE_NAME"],
    key: "nodeName",
    value: "NAME",
    text: "the Kubernetes node that keymount runs on",
  },
  {
    section: "Provider",
    flags: ["pod-watch"],
    env: [],
    key: "podWatch",
    text: "watch the pods of the node, and revoke the credentials of deleted ones",
    default: "false",
  },
  {
    section: "Provider",
    flags: ["key-file"],
    env: [],
    key: "keyFile",
    value: "FILE",
    text: "the cluster's key: 32 random bytes, the same on every node",
  },
  {
    section: "Provider",
    flags: ["key-secret", "hmac-secret-name"],
    env: [],
    key: "keySecret",
    value: "[NAMESPACE/]NAME",
    text: "the Kubernetes Secret with the cluster's key, created if it does not exist",
  },
  {
    section: "Vault (the default connection)",
    flags: flags("addr"),
    env: ["BAO_AGENT_ADDR", "VAULT_AGENT_ADDR", "BAO_ADDR", "OPENBAO_ADDR", "VAULT_ADDR"],
    key: "connections.NAME.addresses",
    value: "ADDRESS",
    text: "https://host:port, http://host:port or unix:///socket",
  },
  {
    section: "Vault (the default connection)",
    flags: flags("mount"),
    env: [],
    key: "connections.NAME.auth.mount",
    value: "MOUNT",
    text: "the auth mount, unless the SecretProviderClass names one",
    default: "kubernetes",
  },
  {
    section: "Vault (the default connection)",
    flags: flags("namespace"),
    env: env("NAMESPACE"),
    key: "connections.NAME.namespace",
    value: "NAMESPACE",
    text: "the Vault namespace, unless the SecretProviderClass names one",
    default: "the root",
  },
  {
    section: "Vault (the default connection)",
    flags: flags("tls-ca-cert"),
    env: env("CACERT"),
    key: "connections.NAME.tls.caFile",
    value: "FILE",
    text: "PEM file of the CAs that sign Vault's certificate",
    default: "the CAs built into Node",
  },
  {
    section: "Vault (the default connection)",
    flags: flags("tls-ca-directory"),
    env: env("CAPATH"),
    key: "connections.NAME.tls.caDirectory",
    value: "DIR",
    text: "directory of such files",
  },
  {
    section: "Vault (the default connection)",
    flags: flags("tls-client-cert"),
    env: env("CLIENT_CERT"),
    key: "connections.NAME.tls.certFile",
    value: "FILE",
    text: "PEM file of the client certificate for mutual TLS",
  },
  {
    section: "Vault (the default connection)",
    flags: flags("tls-client-key"),
    env: env("CLIENT_KEY"),
    key: "connections.NAME.tls.keyFile",
    value: "FILE",
    text: "PEM file of its key",
  },
  {
    section: "Vault (the default connection)",
    flags: flags("tls-server-name"),
    env: env("TLS_SERVER_NAME"),
    key: "connections.NAME.tls.serverName",
    value: "HOST",
    text: "the name that Vault's certificate must contain",
    default: "the address's host",
  },
  {
    section: "Vault (the default connection)",
    flags: flags("tls-skip-verify"),
    env: [],
    key: "connections.NAME.tls.skipVerify",
    text: "accept any certificate: anyone on the network path can then read tokens and secrets",
    default: "false",
  },
  {
    section: "Vault (the default connection)",
    flags: [],
    env: env("CLIENT_TIMEOUT"),
    key: "connections.NAME.limits.requestTimeout",
    value: "DURATION",
    text: "a whole request to Vault; a bare number is seconds",
    default: "20s",
  },
];

/** Flags of the Go providers that mean nothing here, or something else: accepted, with a line in the log. */
export const olderFlags: Record<string, { value: boolean; note: string }> = {
  debug: { value: false, note: "is --log-level debug" },
  "cache-size": {
    value: true,
    note: "has no effect: the cache holds what pods need, within limits.volumes and limits.bytes",
  },
  output: { value: true, note: "has no effect: it was for -version" },
};

/** Flags that the command line itself answers. */
export const commandFlags: readonly string[] = ["help", "version", "check-config"];

const noVault = "has no effect here";

/** Variables that the Go providers or Node's HTTP programs heed, and keymount does not: with a line in the log. */
export const ignoredVariables: Record<string, string> = {
  ...both("TOKEN", "is never used: every pod logs in as itself; take it out of the environment"),
  ...both("SKIP_VERIFY", "has no effect: only --vault-tls-skip-verify or tls.skipVerify turns verification off"),
  ...both("MAX_RETRIES", `${noVault}: a Mount that fails is tried again by the kubelet`),
  ...both("RATE_LIMIT", `${noVault}: see connections.NAME.limits`),
  ...both("CACERT_BYTES", `${noVault}: put the certificates into a file and name it in tls.caFile`),
  ...both("SRV_LOOKUP", `${noVault}: list the addresses`),
  ...both("DISABLE_REDIRECTS", `${noVault}: redirects are followed to listed addresses only`),
  ...both("HEADERS", noVault),
  ...both("WRAP_TTL", noVault),
  ...both("PROXY_ADDR", `${noVault}: no proxy is taken from the environment`),
  ...both("HTTP_PROXY", `${noVault}: no proxy is taken from the environment`),
  ...Object.fromEntries(
    ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"].map((name) => [
      name,
      "has no effect: no proxy is taken from the environment",
    ]),
  ),
};

function both(name: string, note: string): Record<string, string> {
  return { [`VAULT_${name}`]: note, [`BAO_${name}`]: note };
}

/** The part of `serve --help` that lists every flag and variable; ends with a line break. */
export function optionsHelp(): string {
  const sections = [...new Set(settings.map(({ section }) => section))].map((section) => {
    const members = settings.filter((setting) => setting.section === section);
    return `${section}:\n${members.map(helpOn).join("")}`;
  });
  const older = Object.entries(olderFlags).map(([name, { note }]) => `  --${name}\n      ${note}\n`);
  return [
    ...sections,
    "Other:\n  --help, --version\n      print and exit\n",
    `Accepted from the Go providers:\n${older.join("")}`,
  ].join("\n");
}

function helpOn({ flags, env, value, text, default: usual }: Setting): string {
  const names = flags.length > 0 ? flags.map((name) => `--${name}`).join(", ") : env.join(", ");
  const also = [usual && `default: ${usual}`, flags.length > 0 && env.length > 0 && `or ${env.join(", ")}`];
  const noted = also.filter(Boolean).join("; ");
  return `  ${names}${value ? ` ${value}` : ""}\n      ${text}${noted ? ` (${noted})` : ""}\n`;
}
