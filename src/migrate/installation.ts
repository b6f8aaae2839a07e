import { z } from "zod";
import { ownFileBounds, readYaml } from "../mount/yaml-tree.js";
import { jsonOf } from "../mount/yaml-value.js";
import { ProviderError } from "../shared/errors.js";
import { named } from "../shared/quoted.js";

/** How a Go provider is installed, as far as Kubernetes objects tell. */
export interface Installation {
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Variables whose value is somewhere else. */
  unseen: readonly string[];
  /** Whether a Vault Agent runs beside it. */
  agent: boolean;
  /** Where that Agent finds Vault, by the chart's ConfigMap. */
  agentsVault?: string;
  /** Audiences of the CSIDriver's `tokenRequests`, where the CSIDriver is among the objects. */
  driverAudiences?: readonly string[];
}

const container = z.object({
  name: z.string().default(""),
  image: z.string().default(""),
  command: z.array(z.string()).default([]),
  args: z.array(z.string()).default([]),
  env: z
    .array(z.object({ name: z.string(), value: z.string().optional(), valueFrom: z.unknown().optional() }))
    .default([]),
});
const metadata = z.object({ name: z.string().default("") }).prefault({});
const daemonSet = z.object({
  kind: z.literal("DaemonSet"),
  metadata,
  spec: z.object({ template: z.object({ spec: z.object({ containers: z.array(container) }) }) }),
});
const configMap = z.object({
  kind: z.literal("ConfigMap"),
  data: z.object({ "config.hcl": z.string() }),
});
const csiDriver = z.object({
  kind: z.literal("CSIDriver"),
  metadata: z.object({ name: z.literal("secrets-store.csi.k8s.io") }),
  spec: z.object({ tokenRequests: z.array(z.object({ audience: z.string().default("") })).default([]) }),
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
      `holds several providers: ${providers.map(({ metadata: { name } }) => named(name)).join(", ")}; keep one`,
    );
  }
  const { containers } = provider.spec.template.spec;
  const agentsVault = vaultOfAgents(objects);
  const driver = objects.map((object) => csiDriver.safeParse(object).data).find(Boolean);
  return {
    ...started(containers.find(isProvider)!),
    agent: containers.some((one) => !isProvider(one) && isAgent(one)),
    ...(agentsVault !== undefined && { agentsVault }),
    ...(driver && { driverAudiences: driver.spec.tokenRequests.map(({ audience }) => audience) }),
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
