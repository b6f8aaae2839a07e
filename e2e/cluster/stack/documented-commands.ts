import { shellQuoted } from "../../../src/shared/shell-quoted.js";

/**
 * The commands of a section of a page as one bash script. A comment behind a command is what the command prints: the
 * script fails when it prints something else. Of `first` blocks, where not of all.
 */
export function scriptOfSection(page: string, title: string, first = Infinity): string {
  const section = page.split(`\n## ${title}\n`)[1]?.split("\n## ")[0];
  if (section === undefined) throw new Error(`the page has no section "${title}"`);
  const blocks = [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block!);
  const commands = blocks
    .slice(0, first)
    .flatMap((block) => block.replaceAll("\\\n", "").split(/\n(?! )/))
    .filter(Boolean);
  return commands.map(withItsOutput).join("\n");
}

function withItsOutput(command: string): string {
  const [, alone, output] = /^(.+?)\s+# (.+)$/s.exec(command) ?? [];
  if (!alone || !output) return command;
  const failure = `${shellQuoted(`${alone} does not print ${output}, but: `)}"$printed"`;
  return `printed=$(${alone})\n[ "$printed" = ${shellQuoted(output)} ] || { echo ${failure} >&2; exit 1; }`;
}
