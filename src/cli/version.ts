import type { Command } from "./command-io.js";
import { packageVersion } from "./package-version.js";

export const versionCommand: Command = {
  help: "Usage: keymount version\n\nPrints keymount's version and Node's. Exit code 0.\n",
  async run(_argv, io) {
    io.stdout.write(`keymount ${packageVersion} (node ${process.versions.node})\n`);
    return 0;
  },
};
