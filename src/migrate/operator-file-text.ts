import { stringify } from "yaml";
import type { Plan, PlannedConnection } from "./plan.js";

/** The operator's file of a plan, with comments that say why each part is there. */
export function operatorFileText(plan: Plan): string {
  const lines = [
    "# Written by keymount migrate from the classes of the cluster: it allows what they ask today, and nothing more.",
    "# docs/configuration.md says what else there is.",
    ...yaml({ providerName: plan.provider }),
    "# The key by which object versions are made: the former provider's Secret serves, and so does a new one.",
    ...yaml({ keySecret: plan.keySecret }),
    "# For classes that name no address.",
    ...yaml({ default: plan.default }),
    "connections:",
    ...plan.connections.flatMap((connection) => connectionLines(connection).map((line) => `  ${line}`)),
  ];
  return `${lines.join("\n")}\n`;
}

function connectionLines(connection: PlannedConnection): string[] {
  const { name, address, classes, vaultNamespace, authMount, tls, policy } = connection;
  const files = Object.fromEntries(
    Object.entries(tls ?? {}).filter(([, value]) => value !== undefined && value !== false),
  );
  return [
    `# ${classes.length === 1 ? "One class uses" : `${classes.length} classes use`} it.`,
    `${name}:`,
    ...indented([
      ...(address.startsWith("unix:")
        ? ["# A Vault Agent or Proxy: keymount needs none. Write Vault's own address here once that can be reached."]
        : ["# If this is the same cluster as another connection's, make it an alias there: `aliases: [...]`."]),
      ...yaml({ addresses: [address] }),
      ...(vaultNamespace === "" ? [] : yaml({ namespace: vaultNamespace })),
      ...yaml({ auth: { mount: authMount } }),
      ...tlsNotes(connection),
      ...(Object.keys(files).length > 0 ? yaml({ tls: files }) : []),
      ...yaml({ policy }),
    ]),
  ];
}

/** What classes say about TLS is the operator's to say now. */
function tlsNotes({ classes }: PlannedConnection): string[] {
  const names = [...new Set(classes.flatMap(({ spec }) => spec.overruled))].sort();
  if (names.length === 0) return [];
  return [
    `# Classes set ${names.join(", ")}, which have no effect any more. Say here what is true for this Vault, under tls: caFile,`,
    "# certFile and keyFile (mounted into keymount's pod), serverName, skipVerify.",
  ];
}

const yaml = (data: object) => stringify(data, { lineWidth: 0 }).trimEnd().split("\n");
const indented = (lines: readonly string[]) => lines.map((line) => `  ${line}`);
