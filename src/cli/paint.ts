import type { CommandStream } from "./command-io.js";

/** SGR codes (ECMA-48). */
const codes = { bold: 1, red: 31, green: 32, yellow: 33, dim: 2 } as const;

type Paint = (style: keyof typeof codes, text: string) => string;

/** Styles text for a person; for every other reader the text stays plain. */
export function painter({ isTTY = false }: CommandStream): Paint {
  return (style, text) => (isTTY ? `\u001b[${codes[style]}m${text}\u001b[0m` : text);
}
