import { ProviderError } from "../shared/errors.js";
import { named } from "../shared/quoted.js";
import { connectionNames } from "./connection-names.js";
import type { AnalyzedClass } from "./analyzed-class.js";
import type { SourceProvider } from "./source-provider.js";

/** Which Vaults there are, before anything is said about who may use them. */
export interface MigrationPlan {
  /** One of `connections`. */
  defaultName: string;
  /** Why that one. */
  reason: string;
  /** The default one first, then by name. */
  connections: readonly ConnectionPlan[];
}

export interface ConnectionPlan {
  name: string;
  origin: string;
  /** Sockets of Agents that are not dialled any more. */
  aliases: readonly string[];
}

/**
 * A connection for each address that is dialled now. Sockets of Agents become names of the default connection, for the
 * Agent goes. Throws `invalid_request` where no setting names Vault's address.
 */
export function planOf(source: SourceProvider, classes: readonly AnalyzedClass[]): MigrationPlan {
  const written = classes.flatMap(({ origin }) => origin ?? []);
  const { origin: chosen, reason } = defaultOf(source, classes);
  const sockets = [...new Set(written)].filter((origin) => origin.startsWith("unix:") && origin !== chosen);
  const others = [...new Set(written)].filter((origin) => !origin.startsWith("unix:") && origin !== chosen);
  const names = connectionNames([chosen, ...others].sort());
  const connections = others.map((origin) => ({ name: names.get(origin)!, origin, aliases: [] }));
  connections.sort((a, b) => (a.name < b.name ? -1 : 1));
  const defaultName = names.get(chosen)!;
  return {
    defaultName,
    reason,
    connections: [{ name: defaultName, origin: chosen, aliases: sockets.sort() }, ...connections],
  };
}

const reasons = {
  flag: "--vault-addr says so",
  provider: "the source provider's settings name it",
  agent: "the Agent beside the source provider speaks to it",
};

function defaultOf(source: SourceProvider, classes: readonly AnalyzedClass[]): { origin: string; reason: string } {
  if (source.vault) return { origin: source.vault.origin, reason: reasons[source.vault.setBy] };
  if (source.agentSocket !== undefined) {
    throw nowhere(
      `the source provider reaches Vault through an Agent (${source.agentSocket}), which goes; give Vault's own address with --vault-addr, or add the Agent's ConfigMap to what --daemonset names`,
    );
  }
  const [first, ...others] = classes.filter(({ origin }) => origin?.startsWith("unix:"));
  if (first) {
    const more = others.length === 0 ? "" : `, and ${others.length} more do`;
    throw nowhere(
      `class ${named(first.namespace)}/${named(first.name)} names an Agent's socket (${first.origin})${more}, and the Agent goes; give Vault's own address with --vault-addr`,
    );
  }
  const [mostUsed] = byUse(classes.flatMap(({ origin }) => origin ?? []));
  if (mostUsed === undefined) throw nowhere("no setting names Vault's address: give --daemonset FILE, or --vault-addr");
  return {
    origin: mostUsed,
    reason: "most classes name it, and nothing else says where the others go (--daemonset does)",
  };
}

/** The most used first, then by the alphabet. */
function byUse(origins: readonly string[]): string[] {
  const count = (origin: string) => origins.filter((other) => other === origin).length;
  return [...new Set(origins)].sort((a, b) => count(b) - count(a) || (a < b ? -1 : 1));
}

function nowhere(what: string): ProviderError {
  return new ProviderError("invalid_request", what);
}
