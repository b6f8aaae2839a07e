import type { RevokedAll } from "../shared/credential-info.js";
import { askAdminServer, stateDirectoryOf } from "./admin-client.js";
import { commandTable } from "./command-table.js";
import { defineCommand, WrongUsage } from "./define-command.js";
import { wantsJson, writeJson } from "./json-output.js";

export const revokeAllCommand = defineCommand(
  "revoke-all",
  commandTable["revoke-all"],
  async ({ values }, io, signal) => {
    if (!values.yes) {
      throw new WrongUsage(
        "the logins of every pod on this node would stop working, and new pods would wait until keymount is restarted; confirm with --yes",
      );
    }
    const directory = await stateDirectoryOf({ stateDir: values["state-dir"], config: values.config }, io);
    const outcome = (await askAdminServer(directory, { method: "POST", path: "/v1/revoke-all" }, signal)) as RevokedAll;
    const { revoked, failed } = outcome;
    if (wantsJson(values)) writeJson(io, { revoked, failed });
    else {
      const rest = failed > 0 ? `; ${failed} could not be, and are tried again while keymount runs` : "";
      io.stdout.write(
        `${revoked} ${revoked === 1 ? "token was revoked, with all its" : "tokens were revoked, with all their"} leases${rest}\n`,
      );
    }
    return failed > 0 ? 1 : 0;
  },
);
