import type { AuthMethodName } from "../vault/auth/auth-methods.js";

/** Where a Vault node listens. */
export interface VaultAddress {
  /** `https://vault.example:8200`, `https://proxy.example/vault` or `unix:///run/vault.sock`, as `readOrigin` gives it. */
  origin: string;
}

/** TLS files are paths on the provider's own filesystem, chosen by the operator and read again when they change. */
export interface TlsSettings {
  caFile?: string;
  caDirectory?: string;
  certFile?: string;
  keyFile?: string;
  serverName?: string;
  skipVerify: boolean;
}

/** Rules (but not `methods`) are matched whole; `*` is any run of characters; `{{namespace}}` and `{{serviceAccount}}` are the pod's. */
export interface Policy {
  /** Kubernetes namespaces that may use the connection. */
  namespaces: readonly string[];
  authMounts: readonly string[];
  roles: readonly string[];
  /** `""` is the root namespace. */
  vaultNamespaces: readonly string[];
  /** `""` (the API server's own audience) only if listed. */
  audiences: readonly string[];
  methods: readonly string[];
  paths: readonly string[];
  /** Wins over `paths`, and counts behind a Vault namespace's steps as well. */
  deniedPaths: readonly string[];
}

export interface ConnectionLimits {
  /** Requests in flight at once, at the most. */
  inFlight: number;
  logins: number;
  /** A whole request, from the first byte sent to the last received. */
  requestTimeoutMs: number;
  connectTimeoutMs: number;
  maxAnswerBytes: number;
}

export interface OfflineSettings {
  /** How long ago a copy was read at most. */
  maxAgeMs: number;
}

/** One Vault or OpenBao cluster, as the operator describes it. */
export interface Connection {
  name: string;
  /** Nodes of one cluster, in order of preference; never empty. */
  addresses: readonly VaultAddress[];
  /** Other origins, normalised, that classes may call it by; never dialled. */
  aliases: readonly string[];
  /** The Vault namespace used where the class names none; `""` is the root. */
  vaultNamespace: string;
  tls: TlsSettings;
  /** The auth mount used where the class names none, without `auth/` and slashes at its ends. */
  authMount: string;
  /** What kind of mount that is. */
  authMethod: AuthMethodName;
  /** Audiences to look for in the driver's tokens where the class names none, in order. */
  audiences: readonly string[];
  /** Whether one Vault token serves one pod, or all pods of a service account. */
  tokenPer: "pod" | "serviceAccount";
  /** Pods may start from copies of KV secrets while Vault is away; absent unless the operator opted in. */
  offline?: OfflineSettings;
  limits: ConnectionLimits;
  /** For pods of each namespace the first whose `namespaces` admit it; none admits others. Never a mix of two. */
  policy: readonly Policy[];
}
