import { parseAllDocuments } from "yaml";

/** How the former provider was started. */
export interface FormerProvider {
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Whether a Vault Agent ran beside it. */
  agent: boolean;
}

interface Container {
  name?: unknown;
  image?: unknown;
  args?: unknown;
  command?: unknown;
  env?: unknown;
}

/**
 * The former provider in what `kubectl get daemonset -o yaml` prints: the container whose arguments name an endpoint, or
 * whose image is a csi-provider's. `undefined` where there is none. Variables that come from elsewhere have no value here.
 */
export function formerProviderIn(text: string): FormerProvider | undefined {
  const objects = parseAllDocuments(text).flatMap((document) => items(document.toJS()));
  const sets = objects.map(containersOf).filter((containers) => containers.some(isProvider));
  const containers = sets[0];
  const provider = containers?.find(isProvider);
  if (!containers || !provider) return undefined;
  const agent = containers.some(
    (one) => one !== provider && /agent|proxy/.test(`${String(one.name)} ${words(one.args).join(" ")}`),
  );
  return { args: words(provider.args), env: variables(provider.env), agent };
}

function items(object: unknown): unknown[] {
  const list = (object as { items?: unknown } | null)?.items;
  return Array.isArray(list) ? list : [object];
}

function containersOf(object: unknown): Container[] {
  const spec = (object as { spec?: { template?: { spec?: { containers?: unknown } } } } | null)?.spec?.template?.spec;
  return Array.isArray(spec?.containers) ? (spec.containers as Container[]) : [];
}

function isProvider({ args, image }: Container): boolean {
  return words(args).some((word) => /^--?endpoint(=|$)/.test(word)) || /csi-provider/.test(String(image));
}

const words = (list: unknown) => (Array.isArray(list) ? list.filter((word) => typeof word === "string") : []);

function variables(list: unknown): Record<string, string> {
  const entries = (Array.isArray(list) ? list : []) as { name?: unknown; value?: unknown }[];
  const plain = entries.filter(({ name, value }) => typeof name === "string" && typeof value === "string");
  return Object.fromEntries(plain.map(({ name, value }) => [name as string, value as string]));
}
