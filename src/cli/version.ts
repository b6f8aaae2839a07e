import { commandTable } from "./command-table.js";
import { defineCommand } from "./define-command.js";
import { packageVersion } from "./package-version.js";
import { wantsJson, writeJson } from "./json-output.js";

export const versionCommand = defineCommand("version", commandTable.version, async ({ values }, io) => {
  const node = process.versions.node;
  if (wantsJson(values)) writeJson(io, { version: packageVersion, node });
  else io.stdout.write(`keymount ${packageVersion} (node ${node})\n`);
  return 0;
});
