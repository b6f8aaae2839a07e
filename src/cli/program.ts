import { relative } from "node:path";

/** What a person in `directory` types to run `script`: an installed command by its name, the bundle through node. */
export function programOf(script: string | undefined, directory: string): string {
  if (!script?.endsWith(".js")) return "keymount";
  const near = relative(directory, script);
  return `node ${near.startsWith("..") ? script : near}`;
}
