import { parseArgs } from "node:util";
import { ProviderError } from "../shared/errors.js";
import type { CredentialInfo } from "../shared/credential-info.js";
import type { Command, CommandIo } from "./command-io.js";
import { leasesTable } from "./leases-table.js";
import { askAdminServer, stateDirectoryOf } from "./admin-client.js";
import { argumentMistake, refuseUsage } from "./wrong-usage.js";

const help = `Usage: keymount leases [OPTION…]

Asks the keymount that runs on this node what it holds: tokens, leases and certificates, for whom, and what comes next for
each. Never a value, nor a lease's id.

  kubectl -n keymount exec ds/keymount -- node /keymount/dist/keymount.js leases

  --state-dir DIR     its state directory (default: as the configuration file says)
  --config FILE       the configuration file (default: /etc/keymount/keymount.yaml)
  -n, --namespace NS  of pods in this namespace only
  --pod NAME          of this pod only
  -o, --output FORMAT table (the default) or json

Exit codes: 0 answered, 1 nobody answers, 2 wrong usage.
`;

export const leasesCommand: Command = {
  help,
  run,
};

const options = {
  "state-dir": { type: "string" },
  config: { type: "string" },
  namespace: { type: "string", short: "n" },
  pod: { type: "string" },
  output: { type: "string", short: "o", default: "table" },
} as const;

async function run(argv: readonly string[], io: CommandIo, signal: AbortSignal): Promise<number> {
  const values = read(argv, io);
  if (!values) return 2;
  try {
    const directory = await stateDirectoryOf({ stateDir: values["state-dir"], config: values.config }, io);
    const held = (await askAdminServer(directory, { method: "GET", path: "/v1/leases" }, signal)) as CredentialInfo[];
    const wanted = held.filter((one) => concerns(one, values));
    io.stdout.write(
      values.output === "json" ? `${JSON.stringify(wanted, null, 2)}\n` : leasesTable(wanted, Date.now()),
    );
    return 0;
  } catch (error) {
    const { message, code } = ProviderError.from(error);
    io.stderr.write(`keymount leases: ${message}\n`);
    return code === "invalid_request" ? 2 : 1;
  }
}

function read(argv: readonly string[], io: CommandIo) {
  try {
    const { values } = parseArgs({ args: [...argv], options });
    if (["table", "json"].includes(values.output)) return values;
    refuseUsage(io, "leases", `--output is table or json, not ${JSON.stringify(values.output)}`);
  } catch (error) {
    refuseUsage(io, "leases", argumentMistake(error));
  }
  return undefined;
}

function concerns(
  { pods }: CredentialInfo,
  { namespace, pod }: { namespace?: string | undefined; pod?: string | undefined },
): boolean {
  if (namespace === undefined && pod === undefined) return true;
  return pods.some(
    (one) => (namespace === undefined || one.namespace === namespace) && (pod === undefined || one.name === pod),
  );
}
