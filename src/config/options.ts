import type { Connection, Policy } from "./connection.js";
import type { OperatorConfig } from "./operator-config.js";
import type { ConnectionSettings, OperatorFile } from "./configuration-file.js";
import { socketName } from "./socket-name.js";

/** Where the cluster's key comes from. */
export type KeySource = { file: string } | { secret: { namespace?: string; name: string } };

/** The configuration of `serve`, read once at start. Durations are milliseconds, sizes bytes. */
export interface Options {
  /** The socket's path in the file system, for `bind`. */
  socketPath: string;
  /** A second socket of the same name, in a directory where drivers look first. */
  additionalSocketPath?: string;
  /** What classes call us in `spec.provider`: the socket's name without `.sock`. */
  providerName: string;
  /** Without a host: every address of the machine. */
  healthAddress: { host?: string; port: number };
  /** As pino calls them. */
  logLevel: "trace" | "debug" | "info" | "warn" | "error" | "silent";
  /** Absent only outside a cluster. */
  key?: KeySource;
  operator: OperatorConfig;
  /** The driver's `--rotation-poll-interval`: after a real write it skips republishes for so long. */
  driverPollIntervalMs: number;
  /** The sync controller's `--rotation-poll-interval`, where it may be given credentials. */
  syncPollIntervalMs?: number;
  /** The `refreshInterval` of classes that name none. */
  refreshIntervalMs: number;
  /** What renewals ask for at most, so how long a lost node's logins outlive it. */
  maxOrphanMs: number;
  /** Where what is held survives a restart; absent where it does not. */
  state?: StateDirectoryOptions;
  /** The Kubernetes node this runs on. */
  nodeName?: string;
  /** Whether the API server is asked which pods of the node live. */
  podWatch: boolean;
  /** Audiences for which keymount may ask the API server for a pod's token; absent unless the operator opted in. */
  fallbackAudiences?: readonly string[];
  /** Whether pods' events tell what the driver hides. */
  events: boolean;
  limits: MemoryLimits;
  /** The API server as the kubelet tells every container of it; absent outside a cluster. */
  kubernetesApi?: { host: string; port: number };
  /** For the log, once: what was accepted and means little or nothing here. */
  notes: readonly string[];
}

export interface StateDirectoryOptions {
  directory: string;
  /** Also where files outlive the node's power. */
  onDisk: boolean;
}

export interface MemoryLimits {
  /** Volumes served at once. */
  volumes: number;
  /** Of answers held in memory. */
  bytes: number;
  /** Of answers on their way to pods, and the files made of them. */
  inFlightBytes: number;
  /** Of one answer to the driver, on the wire. */
  responseBytes: number;
}

/** The file, flags and environment, each setting valid by itself; `default` is one of `connections`. */
export type Given = OperatorFile & { default: string };

type Env = Readonly<Record<string, string | undefined>>;

/** What all of it comes to, or `undefined`; mistakes between settings are added to `mistakes`. */
export function toOptions(given: Given, env: Env, mistakes: string[]): Omit<Options, "notes"> | undefined {
  const socket = socketName(given);
  const kubernetesApi = kubernetesApiOf(env);
  const key = keyOf(given);
  if (!key && kubernetesApi) mistakes.push(noKey);
  mistakes.push(...stateMistakes(given, key !== undefined));
  if ("mistake" in socket) {
    mistakes.push(socket.mistake);
    return undefined;
  }
  const { healthAddress, logLevel, driverPollInterval, events, limits, tokenRequest, leases, podWatch } = given;
  const { stateDir, nodeName, refreshInterval, syncPollInterval } = given;
  const { fallback, audiences = [socket.providerName] } = tokenRequest;
  return {
    ...socket,
    healthAddress,
    logLevel,
    ...(key && { key }),
    operator: operatorConfig(given, socket.providerName),
    driverPollIntervalMs: driverPollInterval,
    ...(syncPollInterval !== undefined && { syncPollIntervalMs: syncPollInterval }),
    refreshIntervalMs: refreshInterval ?? driverPollInterval / 2,
    maxOrphanMs: leases.maxOrphan,
    ...(stateDir !== undefined && { state: { directory: stateDir, onDisk: given.stateOnDisk } }),
    ...(nodeName !== undefined && { nodeName }),
    podWatch,
    ...(fallback && { fallbackAudiences: audiences }),
    events,
    limits,
    ...(kubernetesApi && { kubernetesApi }),
  };
}

function stateMistakes({ stateDir, stateOnDisk, podWatch, nodeName, connections }: Given, hasKey: boolean): string[] {
  const offline = Object.entries(connections).find(([, settings]) => settings.offline);
  return [
    ...(offline && stateDir === undefined
      ? [`connections.${offline[0]}.offline needs stateDir, where the copies are kept`]
      : []),
    ...(stateDir !== undefined && !hasKey
      ? ["stateDir needs a key that outlives the process: give --key-secret [NAMESPACE/]NAME or --key-file FILE"]
      : []),
    ...(stateOnDisk && stateDir === undefined ? ["stateOnDisk means nothing without stateDir"] : []),
    ...(podWatch && nodeName === undefined
      ? ["podWatch needs the node's name: give --node-name, or NODE_NAME from spec.nodeName"]
      : []),
  ];
}

const noKey =
  "no key: give --key-secret [NAMESPACE/]NAME or --key-file FILE; in a cluster the versions of secrets must be the same on every node";
function operatorConfig({ connections, default: name, classAddress }: Given, providerName: string): OperatorConfig {
  const all = Object.entries(connections).map(([name, settings]) => toConnection(name, settings, providerName));
  return { connections: all, defaultConnection: all.find((one) => one.name === name)!, classAddress };
}

function toConnection(name: string, settings: ConnectionSettings, providerName: string): Connection {
  const { addresses, aliases, namespace, tls, auth, audiences = [providerName], tokenPer, offline } = settings;
  const {
    inFlight,
    logins,
    requestTimeout: requestTimeoutMs,
    connectTimeout: connectTimeoutMs,
    answerBytes: maxAnswerBytes,
  } = settings.limits;
  return {
    name,
    addresses: addresses.map((origin) => ({ origin })),
    aliases,
    vaultNamespace: namespace,
    tls,
    authMount: auth.mount,
    authMethod: auth.method,
    audiences,
    tokenPer,
    ...(offline && { offline: { maxAgeMs: offline.maxAge } }),
    limits: { inFlight, logins, requestTimeoutMs, connectTimeoutMs, maxAnswerBytes },
    policy: policyOf(settings),
  };
}

/**
 * Where a class names another auth mount, or one of another Vault namespace, the pod's token is sent there, and the
 * administrator of that mount can see it. So only the connection's own mount is allowed unless the policy lists more.
 */
function policyOf({ policy, auth, namespace }: ConnectionSettings): Policy[] {
  return [policy].flat().map(({ authMounts = [auth.mount], vaultNamespaces = [namespace], ...rest }) => ({
    ...rest,
    authMounts,
    vaultNamespaces,
  }));
}

function keyOf({ keyFile, keySecret }: Given): KeySource | undefined {
  if (keySecret) return { secret: keySecret };
  return keyFile === undefined ? undefined : { file: keyFile };
}

function kubernetesApiOf({ KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port }: Env) {
  return host ? { host, port: Number(port) || 443 } : undefined;
}
