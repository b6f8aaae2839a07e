import { parseArgs } from "node:util";
import { ProviderError } from "../shared/errors.js";
import type { RevokedAll } from "../shared/credential-info.js";
import type { Command, CommandIo } from "./command-io.js";
import { askAdminServer, stateDirectoryOf } from "./admin-client.js";
import { argumentMistake, refuseUsage } from "./wrong-usage.js";

const help = `Usage: keymount revoke-all --yes [OPTION…]

For uninstalling: has the keymount that runs on this node revoke every Vault token it holds, and so every lease. The logins
in the pods' files stop working. It serves no Mount after that until it is started anew.

  kubectl -n keymount exec POD -- node /keymount/dist/keymount.js revoke-all --yes     (for the keymount pod of each node)

  --yes            do it; without, nothing is done
  --state-dir DIR  its state directory (default: as the configuration file says)
  --config FILE    the configuration file (default: /etc/keymount/keymount.yaml)

Exit codes: 0 all was revoked, 1 some was not (it ends with its time), or nobody answers, 2 wrong usage.
`;

export const revokeAllCommand: Command = {
  help,
  run,
};

const options = {
  yes: { type: "boolean", default: false },
  "state-dir": { type: "string" },
  config: { type: "string" },
} as const;

async function run(argv: readonly string[], io: CommandIo, signal: AbortSignal): Promise<number> {
  try {
    const { values } = parseArgs({ args: [...argv], options });
    if (!values.yes) {
      io.stderr.write(
        "keymount revoke-all: the logins of every pod on this node would stop working, and new pods would wait until keymount is started anew; say --yes to do it\n",
      );
      return 2;
    }
    const directory = await stateDirectoryOf({ stateDir: values["state-dir"], config: values.config }, io);
    const outcome = (await askAdminServer(directory, { method: "POST", path: "/v1/revoke-all" }, signal)) as RevokedAll;
    const failed =
      outcome.failed > 0 ? `; ${outcome.failed} could not be, and are tried again while keymount runs` : "";
    io.stdout.write(`${outcome.revoked} tokens were revoked, and all that hung on them${failed}\n`);
    return outcome.failed > 0 ? 1 : 0;
  } catch (error) {
    if (error instanceof TypeError) return refuseUsage(io, "revoke-all", argumentMistake(error));
    const { code, message } = ProviderError.from(error);
    io.stderr.write(`keymount revoke-all: ${message}\n`);
    return code === "invalid_request" ? 2 : 1;
  }
}
