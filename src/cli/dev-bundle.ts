import { existsSync } from "node:fs";
import type { Command } from "./command-io.js";
import { helpOptions } from "./define-command.js";

/** The embedded Vault and what goes with it: a file of its own beside the bundle, which the image does not have. */
const devBundle = new URL("./keymount-dev.js", import.meta.url);

/** `keymount dev`, or the command that says why it is not there. */
export async function loadDevCommand(bundle = devBundle): Promise<Command> {
  if (!existsSync(bundle)) return missing;
  return ((await import(bundle.href)) as { devCommand: Command }).devCommand;
}

const why =
  "keymount dev: the embedded Vault (keymount-dev.js) is not part of this installation; it is made by npm run build in keymount's sources, and left out of the image\n";

const missing: Command = {
  run: async (argv, { stdout, stderr }) => {
    const asksHelp = argv.some((word) => helpOptions.includes(word));
    (asksHelp ? stdout : stderr).write(why);
    return asksHelp ? 0 : 1;
  },
};
