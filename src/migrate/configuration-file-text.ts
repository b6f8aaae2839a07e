import { stringify } from "yaml";
import { type ChosenTls, chosenTls } from "./chosen-tls.js";
import type { SourceProvider } from "./source-provider.js";
import type { ConnectionPlan, MigrationPlan } from "./plan.js";
import type { Grant, Uses } from "./uses.js";

/** The configuration file with nothing but Vaults: enough to tell which class means which. */
export function planText({ defaultName, connections }: MigrationPlan, source: SourceProvider): string {
  const all = connections.map((one) => [one.name, { ...whereAndWhom(one), ...logins(source) }] as const);
  return stringify({ default: defaultName, connections: Object.fromEntries(all) });
}

/** The configuration file, with comments that say why each part is there. */
export function configurationFileText(
  plan: MigrationPlan,
  source: SourceProvider,
  uses: ReadonlyMap<string, Uses>,
  amount: number,
): string {
  const lines = [
    ...comment(
      `Written by keymount migrate from the classes of the cluster (${amount}): it grants each role, method, path and auth`,
      "mount that they use, in any combination within a namespace.",
      "docs/configuration.md explains each key. Where to listen is not in here: the chart's values say it, or flags. What",
      "pods override in volumeAttributes is not in here either: it stands in the pods.",
    ),
    ...(plan.connections.length > 1 ? comment(...onSeveral) : []),
    ...yaml({ providerName: source.name }),
    ...comment(`Of classes that name no address: ${plan.reason}.`),
    ...yaml({ default: plan.defaultName }),
    "connections:",
    ...plan.connections.flatMap((one) => indented(connectionLines(one, source, uses.get(one.name)!))),
  ];
  return `${lines.join("\n")}\n`;
}

const onSeveral = [
  "This command cannot tell whether two addresses are one cluster. Where they are, keep one connection, write the",
  "other's address into its addresses (another node) or aliases (another name of it), and join their policies.",
];

function connectionLines(one: ConnectionPlan, source: SourceProvider, { classes, policy }: Uses): string[] {
  const body = [
    ...yaml(whereAndWhom(one)),
    ...(one.aliases.length > 0 ? comment("The aliases are Agents' sockets that classes name; none is dialled.") : []),
    ...comment("Where a class names none: the source provider's."),
    ...yaml(logins(source)),
    ...tlsLines(one, chosenTls(source.settings.tls, classes)),
    ...comment(
      policy.length === 0
        ? "No namespace may use it."
        : "The first entry that names a pod's namespace is all it may ask; a new class may need its own lines here.",
    ),
    ...yaml({ policy: policy.map((grant) => shortened(grant, source)) }),
  ];
  return [...comment(meaning(classes.length)), `${stringify(one.name).trim()}:`, ...indented(body)];
}

/** Without the lists that say what the connection's own settings say. */
function shortened({ authMounts, vaultNamespaces, ...rest }: Grant, { settings }: SourceProvider): object {
  return {
    ...rest,
    ...(!isOnly(authMounts, settings.authMount) && { authMounts }),
    ...(!isOnly(vaultNamespaces, settings.vaultNamespace) && { vaultNamespaces }),
  };
}

function isOnly([first, ...others]: readonly string[], value: string): boolean {
  return first === value && others.length === 0;
}

function whereAndWhom({ origin, aliases }: ConnectionPlan): object {
  return { addresses: [origin], ...(aliases.length > 0 && { aliases }) };
}

function logins({ name, settings }: SourceProvider): object {
  const { vaultNamespace, authMount, limits } = settings;
  return {
    ...(vaultNamespace !== "" && { namespace: vaultNamespace }),
    auth: { mount: authMount },
    audiences: [name],
    ...(limits.requestTimeoutMs !== usualTimeoutMs && { limits: { requestTimeout: `${limits.requestTimeoutMs}ms` } }),
  };
}

const usualTimeoutMs = 20_000;

function tlsLines({ origin }: ConnectionPlan, { tls, fromClasses }: ChosenTls): string[] {
  const { skipVerify, ...texts } = tls;
  const written = { ...texts, ...(skipVerify && { skipVerify }) };
  if (!origin.startsWith("https:") || Object.keys(written).length === 0) return [];
  const files = [tls.caFile, tls.caDirectory, tls.certFile].some((file) => file !== undefined);
  return [
    ...comment(fromClasses ? "What its classes, or most of them, said of TLS." : "The source provider's."),
    ...(files ? comment("The files must be in keymount's container (chart: extraVolumes, extraVolumeMounts).") : []),
    ...(skipVerify
      ? comment("Anyone between keymount and Vault reads everything: use a caFile instead of skipVerify.")
      : []),
    ...yaml({ tls: written }),
  ];
}

function meaning(count: number): string {
  if (count === 0) return "No class means it.";
  return count === 1 ? "One class means it." : `${count} classes mean it.`;
}

const yaml = (data: object) => stringify(data, { lineWidth: 0 }).trimEnd().split("\n");
const comment = (...lines: readonly string[]) => lines.map((line) => `# ${line}`);
const indented = (lines: readonly string[]) => lines.map((line) => `  ${line}`);
