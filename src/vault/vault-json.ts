import { parse } from "lossless-json";
import type { Json } from "../shared/json.js";

/** Deeper than anything a person stores, far shallower than the stack. */
const maxDepth = 256;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Parses what Vault sent: every number keeps its digits, of duplicate keys the last counts as in Go's encoding/json,
 * `__proto__` is a key like any other. Gives `undefined` for what is no JSON text: bad UTF-8, cut off, nested too deep.
 */
export function parseVaultJson(bytes: Buffer): Json | undefined {
  try {
    if (isTooDeep(bytes)) return undefined;
    return parse(utf8.decode(bytes), null, { onDuplicateKey: ({ newValue }) => newValue }) as Json;
  } catch {
    return undefined; // The parser's message would quote the text, and the text is secret.
  }
}

const [quote, backslash] = [0x22, 0x5c];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];

/** The parser recurses; this does not. */
function isTooDeep(bytes: Buffer): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (inString) {
      if (byte === backslash) at += 1;
      else if (byte === quote) inString = false;
    } else if (byte === quote) inString = true;
    else if (byte === openBrace || byte === openBracket) {
      depth += 1;
      if (depth > maxDepth) return true;
    } else if (byte === closeBrace || byte === closeBracket) depth -= 1;
  }
  return false;
}
