import { unicodeEscape } from "../shared/shown-text.js";
import type { CommandStream } from "./command-io.js";

/** Colours as our own commands write them; all else that acts on a terminal, but line ends and tabs. */
const colourOrUnprintable = /\u001b\[(?:0|1|2|3[1-6])m|[^\P{Cc}\n\t]|[\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * A stream on which names that strangers gave (paths, roles, pods, keys) cannot move a cursor, hide text or turn it round.
 * In JSON, and in YAML's quotes, the escapes mean the same.
 */
export function safeStream(stream: CommandStream): CommandStream {
  return {
    write: (text) =>
      stream.write(
        text.replace(colourOrUnprintable, (found) => (/^\u001b./.test(found) ? found : unicodeEscape(found))),
      ),
    ...(stream.colours && { colours: true }),
  };
}
