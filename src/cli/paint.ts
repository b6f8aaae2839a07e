import type { CommandStream } from "./command-io.js";

/** SGR codes (ECMA-48). */
const codes = { bold: 1, red: 31, green: 32, yellow: 33, dim: 2 } as const;

type Paint = (style: keyof typeof codes, text: string) => string;

/** Styles text where the stream has colours; elsewhere the text stays plain. */
export function painter({ colours = false }: CommandStream): Paint {
  return (style, text) => (colours ? `\u001b[${codes[style]}m${text}\u001b[0m` : text);
}

/**
 * Whether output is coloured: on a terminal, unless `NO_COLOR` (https://no-color.org) or `TERM=dumb` forbids it.
 * `FORCE_COLOR` decides before both, as in Node (`tty.WriteStream.getColorDepth`).
 */
export function hasColours(isTTY: boolean, env: Readonly<Record<string, string | undefined>>): boolean {
  const { FORCE_COLOR: force, NO_COLOR: none, TERM: terminal } = env;
  if (force !== undefined) return force !== "0" && force !== "false";
  return isTTY && !none && terminal !== "dumb";
}
