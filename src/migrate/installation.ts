import { resolve } from "node:path/posix";
import { z } from "zod";
import { ownFileBounds, readYaml } from "../mount/yaml-tree.js";
import { jsonOf } from "../mount/yaml-value.js";
import { ProviderError } from "../shared/errors.js";
import { named as nameOf } from "../shared/quoted.js";

/** How a Go provider is installed, as far as Kubernetes objects tell. */
export interface Installation {
  /** Of the DaemonSet. */
  name: string;
  /** Of the DaemonSet, where it names one. */
  namespace?: string;
  /** Whether its pods have the addresses of their nodes. */
  hostNetwork: boolean;
  /** Directories of the node that its container mounts. */
  nodeDirectories: readonly NodeDirectory[];
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Variables whose value is somewhere else. */
  unseen: readonly string[];
  /** Objects of its namespace that all of its variables come from (`envFrom`). */
  envFrom: readonly NamespacedObject[];
  /** Secrets and ConfigMaps of its namespace that its container mounts, and where. */
  mounted: readonly (NamespacedObject & { path: string })[];
  /** The variables of the Vault Agent that runs beside it; absent where none does. */
  agentEnv?: Readonly<Record<string, string>>;
  /** Where that Agent finds Vault, by the chart's ConfigMap. */
  agentsVault?: string;
  /** Audiences of the CSIDriver's `tokenRequests`, where the CSIDriver is among the objects. */
  driverAudiences?: readonly string[];
  /** Whether its `requiresRepublish` is on, where it is among them. */
  driverRepublishes?: boolean;
}

/** A `hostPath`, and where the container has it. */
export interface NodeDirectory {
  volume: string;
  path: string;
  mountPath: string;
}

export interface NamespacedObject {
  kind: "Secret" | "ConfigMap";
  name: string;
}

const named = z.object({ name: z.string() });
const sources = z.object({ secret: named.optional(), configMap: named.optional() });
const volume = z.object({
  name: z.string(),
  secret: z.object({ secretName: z.string() }).optional(),
  configMap: named.optional(),
  hostPath: z.object({ path: z.string() }).optional(),
  projected: z.object({ sources: z.array(sources) }).optional(),
});
const container = z.object({
  name: z.string().default(""),
  image: z.string().default(""),
  command: z.array(z.string()).default([]),
  args: z.array(z.string()).default([]),
  env: z
    .array(z.object({ name: z.string(), value: z.string().optional(), valueFrom: z.unknown().optional() }))
    .default([]),
  envFrom: z.array(z.object({ secretRef: named.optional(), configMapRef: named.optional() })).default([]),
  volumeMounts: z
    .array(z.object({ name: z.string(), mountPath: z.string(), subPath: z.string().default("") }))
    .default([]),
});
const metadata = z.object({ name: z.string().default(""), namespace: z.string().optional() }).prefault({});
const daemonSet = z.object({
  kind: z.literal("DaemonSet"),
  metadata,
  spec: z.object({
    template: z.object({
      spec: z.object({
        hostNetwork: z.boolean().default(false),
        containers: z.array(container),
        volumes: z.array(volume).default([]),
      }),
    }),
  }),
});
const configMap = z.object({
  kind: z.literal("ConfigMap"),
  data: z.object({ "config.hcl": z.string() }),
});
const csiDriver = z.object({
  kind: z.literal("CSIDriver"),
  metadata: z.object({ name: z.literal("secrets-store.csi.k8s.io") }),
  spec: z.object({
    tokenRequests: z.array(z.object({ audience: z.string().default("") })).default([]),
    requiresRepublish: z.boolean().default(false),
  }),
});

type Container = z.output<typeof container>;

/**
 * Reads what `kubectl get daemonset,configmap,csidriver -o yaml` prints: the provider's DaemonSet, and the others where
 * they are there. Throws `invalid_request` where no DaemonSet, or more than one, is a Go provider's.
 */
export function readInstallation(text: string): Installation {
  const objects = objectsIn(text);
  const providers = objects
    .flatMap((object) => daemonSet.safeParse(object).data ?? [])
    .filter(({ spec }) => spec.template.spec.containers.some(isProvider));
  const [provider, ...others] = providers;
  if (!provider) throw wrong("holds no DaemonSet of vault-csi-provider or openbao-csi-provider");
  if (others.length > 0) {
    throw wrong(
      `holds several providers: ${providers.map(({ metadata: { name } }) => nameOf(name)).join(", ")}; keep one`,
    );
  }
  const { containers, volumes, hostNetwork } = provider.spec.template.spec;
  const { name, namespace } = provider.metadata;
  const own = containers.find(isProvider)!;
  const agent = containers.find((one) => !isProvider(one) && isAgent(one));
  const agentsVault = vaultOfAgents(objects);
  const driver = objects.map((object) => csiDriver.safeParse(object).data).find(Boolean);
  return {
    ...started(own),
    name,
    hostNetwork,
    nodeDirectories: nodeDirectoriesOf(own, volumes),
    ...(namespace !== undefined && { namespace }),
    envFrom: own.envFrom.flatMap(({ secretRef, configMapRef }) => objectsOf(secretRef?.name, configMapRef?.name)),
    mounted: own.volumeMounts.flatMap(({ name, mountPath: path }) =>
      volumes
        .filter((one) => one.name === name)
        .flatMap((one) => mountedIn(one).map((object) => ({ ...object, path }))),
    ),
    ...(agent && { agentEnv: started(agent).env }),
    ...(agentsVault !== undefined && { agentsVault }),
    ...(driver && {
      driverAudiences: driver.spec.tokenRequests.map(({ audience }) => audience),
      driverRepublishes: driver.spec.requiresRepublish,
    }),
  };
}

function objectsIn(text: string): unknown[] {
  return readYaml(text, ownFileBounds).flatMap(({ root, mistakes }) => {
    const [mistake] = mistakes;
    if (mistake) throw wrong(`line ${text.slice(0, mistake.offset).split("\n").length}: the YAML ${mistake.text}`);
    return root ? itemsOf(dataOf(root)) : [];
  });
}

const list = z.object({ kind: z.string().endsWith("List"), items: z.array(z.unknown()) });

function itemsOf(object: unknown): unknown[] {
  return list.safeParse(object).data?.items ?? [object];
}

function dataOf(root: Parameters<typeof jsonOf>[0]): unknown {
  try {
    return jsonOf(root);
  } catch {
    throw wrong("holds a number that Kubernetes has no form for (.inf or .nan)");
  }
}

function nodeDirectoriesOf({ volumeMounts }: Container, volumes: readonly z.output<typeof volume>[]): NodeDirectory[] {
  return volumeMounts.flatMap(({ name, mountPath, subPath }) =>
    volumes.flatMap((one) =>
      one.name === name && one.hostPath
        ? [{ volume: name, path: resolve("/", one.hostPath.path, subPath), mountPath }]
        : [],
    ),
  );
}

function mountedIn({ secret, configMap, projected }: z.output<typeof volume>): NamespacedObject[] {
  return [
    ...objectsOf(secret?.secretName, configMap?.name),
    ...(projected?.sources ?? []).flatMap((source) => objectsOf(source.secret?.name, source.configMap?.name)),
  ];
}

function objectsOf(secret: string | undefined, configMap: string | undefined): NamespacedObject[] {
  return [
    ...(secret === undefined ? [] : [{ kind: "Secret" as const, name: secret }]),
    ...(configMap === undefined ? [] : [{ kind: "ConfigMap" as const, name: configMap }]),
  ];
}

/** By its image or name as the charts have them, else by a socket it listens on. */
function isProvider({ name, image, args }: Container): boolean {
  const listens = args.some((arg) => /^--?endpoint=\S*\.sock$/.test(arg));
  return listens || [name, image].some((text) => /(vault|openbao)-csi-provider/.test(text));
}

function isAgent({ name, command, args }: Container): boolean {
  return /-agent$/.test(name) || [...command, ...args].some((word) => /\bagent\b/.test(word));
}

function started({ args, env }: Container): Pick<Installation, "args" | "env" | "unseen"> {
  const seen = Object.fromEntries(env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])));
  // $(NAME) in args is Kubernetes' own (core/v1 Container).
  const filled = args.map((arg) => arg.replace(/\$\(([A-Za-z_]\w*)\)/g, (whole, name: string) => seen[name] ?? whole));
  return {
    args: filled,
    env: seen,
    unseen: env.filter(({ valueFrom }) => valueFrom !== undefined).map(({ name }) => name),
  };
}

/** The `vault` stanza of the Agent's file, as vault-helm's and openbao-helm's csi-agent-configmap.yaml write it. */
function vaultOfAgents(objects: readonly unknown[]): string | undefined {
  const addresses = objects.flatMap((object) => {
    const text = configMap.safeParse(object).data?.data["config.hcl"] ?? "";
    const [, stanza = ""] = /^[ \t]*vault\s*\{([^{}]*)\}/m.exec(text) ?? [];
    return /^[ \t]*"?address"?\s*=\s*"([^"]+)"/m.exec(stanza)?.[1] ?? [];
  });
  const [first, ...others] = new Set(addresses);
  if (others.length > 0) throw wrong("holds Agents of several Vaults; give --vault-addr, and leave the ConfigMaps out");
  return first;
}

function wrong(what: string): ProviderError {
  return new ProviderError("invalid_request", what);
}
