import type { Connection, TlsSettings } from "../config/connection.js";
import { readFlags } from "../config/flags.js";
import { loadOptions } from "../config/load-options.js";
import { notesOnEnvironment, notesOnFlags } from "../config/notes.js";
import { readOrigin } from "../config/origin.js";
import { type SettingValue, valuesFromEnvironment, valuesFromFlags } from "../config/setting-value.js";
import { ProviderError } from "../shared/errors.js";
import { named } from "../shared/quoted.js";
import type { Installation } from "./installation.js";
import { nodePartsOf } from "./node-directories.js";
import { proxyVariableFor } from "./proxied.js";
import type { Family } from "./analyzed-class.js";

/** The Go provider that serves the classes until the switch. */
export interface SourceProvider {
  /** What its classes write as `spec.provider`. */
  name: string;
  family: Family;
  /** What it tells Vault where a class leaves it open; where it dials is in `vault`. */
  settings: Connection;
  /** Vault's own address, where anybody said it. */
  vault?: { origin: string; setBy: "flag" | "provider" | "agent" };
  /** The Agent's socket, where it dials that. */
  agentSocket?: string;
  /** Whether an Agent runs beside it. */
  agent: boolean;
  /** The Kubernetes namespace it runs in, where that is known. */
  namespace?: string;
  /** The Secret that holds its key for versions; absent where its installation is not known. */
  keySecret?: string;
  /** Whether it may leave a socket where drivers look before they look for keymount's. */
  usesOlderDirectory: boolean;
  /** By address: the variable by which it, or its Agent, goes through a proxy, where it does. */
  proxyVariableFor: (origin: string) => string | undefined;
  /** Audiences of the CSIDriver's `tokenRequests`, where those are known. */
  driverAudiences?: readonly string[];
  /** Which of its settings have no effect here, or could not be seen. */
  notes: readonly string[];
}

/** What is known of it: its objects in the cluster, and flags that stand above those. */
export interface SourceInformation {
  installation?: Installation | undefined;
  flags: readonly string[];
  /** `spec.provider` of its classes; without, the name of its socket. */
  providerName?: string | undefined;
}

const nowhere = "--vault-addr=https://127.0.0.1:8200";

/** Its flags and variables mean what they mean to `serve`. Throws a `ConfigError` that names every mistake in them. */
export function readSourceProvider({ installation, flags, providerName }: SourceInformation): SourceProvider {
  const { args = [], env = {}, agentEnv, driverAudiences, namespace } = installation ?? {};
  const addresses = {
    flag: addressIn(valuesFromFlags(readFlags(flags), [])),
    provider: addressIn([...valuesFromFlags(readFlags(args), []), ...valuesFromEnvironment(env)]),
    agent: installation?.agentsVault,
  };
  const known = addresses.flag ?? addresses.provider;
  const name = providerName === undefined ? [] : [`--provider-name=${providerName}`];
  const argv = [...(known === undefined ? [nowhere] : []), ...args, ...flags, ...name];
  const options = loadOptions({ argv, env, execArgv: [], readFile: noFile });
  const settings = options.operator.defaultConnection;
  const vault = vaultAt(addresses);
  const family = options.providerName.includes("bao") ? "openbao" : "vault";
  const keySecret =
    options.key && "secret" in options.key ? options.key.secret.name : `${family}-csi-provider-hmac-key`;
  const dialling = agentEnv ?? {
    ...env,
    ...Object.fromEntries((installation?.unseen ?? []).map((name) => [name, "?"])),
  };
  const socket = addresses.provider?.startsWith("unix:") ? readOrigin(addresses.provider) : undefined;
  const node = installation && nodePartsOf(installation, options.socketPath);
  return {
    name: options.providerName,
    family,
    settings: { ...settings, tls: { ...settings.tls, ...skipsByEnvironment(env) } },
    ...(vault && { vault }),
    ...(socket && "origin" in socket && { agentSocket: socket.origin }),
    agent: agentEnv !== undefined,
    ...(namespace !== undefined && { namespace }),
    ...(installation && { keySecret }),
    usesOlderDirectory: node?.usesOlderDirectory ?? false,
    proxyVariableFor: (origin) => proxyVariableFor(origin, dialling),
    ...(driverAudiences && { driverAudiences }),
    notes: [...notesOn(installation), ...(node?.notes ?? [])],
  };
}

function noFile(): never {
  throw new Error("a file of keymount's own says nothing about the source provider");
}

function addressIn(said: readonly SettingValue[]): string | undefined {
  const addresses = said.find(({ key }) => key === "connections.NAME.addresses")?.value;
  return Array.isArray(addresses) ? String(addresses[0]) : undefined;
}

/** A flag's as it is; of the others the first that is no socket, because the Agent behind one goes. */
function vaultAt(addresses: Record<"flag" | "provider" | "agent", string | undefined>): SourceProvider["vault"] {
  for (const setBy of ["flag", "provider", "agent"] as const) {
    const address = addresses[setBy];
    if (address === undefined || (setBy !== "flag" && address.startsWith("unix:"))) continue;
    const reading = readOrigin(address);
    if ("origin" in reading) return { origin: reading.origin, setBy };
    const whose = setBy === "agent" ? "the Agent's Vault address" : "the source provider's Vault address";
    throw new ProviderError("invalid_request", `${whose} ${reading.mistake}; give --vault-addr`);
  }
  return undefined;
}

/** To the Go providers this variable turns verification off (vault/api client.go, ReadEnvironment). */
function skipsByEnvironment(env: Installation["env"]): Partial<TlsSettings> {
  const skips = ["VAULT_SKIP_VERIFY", "BAO_SKIP_VERIFY"].some((name) => /^(1|t|true)$/i.test(env[name] ?? ""));
  return skips ? { skipVerify: true } : {};
}

const noRepublish =
  "the CSIDriver's requiresRepublish is not true: from driver 1.6 on a volume gets one Mount only, so no rotation and no replacement of credentials; turn it on (enableSecretRotation of the driver's chart)";

function notesOn(installation: Installation | undefined): string[] {
  if (!installation) return [];
  const { namespace, envFrom, mounted, driverRepublishes } = installation;
  const unseen = installation.unseen.filter((name) => /^(VAULT|BAO|OPENBAO)_/.test(name));
  const home = namespace === undefined ? "the source provider's namespace" : `namespace ${named(namespace)}`;
  return [
    ...(driverRepublishes === false ? [noRepublish] : []),
    ...notesOnFlags(readFlags(installation.args)),
    ...notesOnEnvironment(installation.env),
    ...unseen.map((name) => `${named(name)} comes from another object (valueFrom), and so is not seen here`),
    ...envFrom.map(
      ({ kind, name }) => `the variables of the ${kind} ${named(name)} (envFrom) are not seen here; give them as flags`,
    ),
    ...mounted.map(
      ({ kind, name, path }) =>
        `the ${kind} ${named(name)} of ${home}, mounted at ${named(path)}, does not follow: copy it to keymount's namespace, and mount it there (chart: extraVolumes, extraVolumeMounts)`,
    ),
  ];
}
