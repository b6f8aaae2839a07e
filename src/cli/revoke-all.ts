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
    const { revoked, failed, retried, undeleted } = outcome;
    if (wantsJson(values)) writeJson(io, { revoked, failed, retried, undeleted });
    else {
      io.stdout.write(
        `${revoked} ${revoked === 1 ? "token was revoked, with all its" : "tokens were revoked, with all their"} leases${failuresIn(outcome)}\n`,
      );
    }
    return failed + undeleted > 0 ? 1 : 0;
  },
);

function failuresIn({ failed, retried, undeleted }: RevokedAll): string {
  const left = failed - retried;
  return [
    ...(retried > 0
      ? [`; Vault does not answer for ${retried} more: revoking is tried again while keymount runs`]
      : []),
    ...(left > 0 ? [`; Vault refuses to revoke ${left} more: they end with their TTL`] : []),
    ...(undeleted > 0
      ? [
          `; ${undeleted} ${undeleted === 1 ? "file" : "files"} of the state directory could not be deleted (see keymount's log): that is tried again while keymount runs`,
        ]
      : []),
  ].join("");
}
