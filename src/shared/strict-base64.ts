import { withoutWhiteSpace } from "./without-white-space.js";

/** The two alphabets of RFC 4648. */
const alphabets = { base64: /^[A-Za-z0-9+/]*={0,2}$/, base64url: /^[A-Za-z0-9_-]*={0,2}$/ };

/**
 * Base64 with or without padding; white space is skipped, as `base64 --decode` and most libraries do. `undefined` for
 * what Node's decoder would quietly leave out.
 */
export function strictBase64(text: string, alphabet: keyof typeof alphabets = "base64"): Buffer | undefined {
  if (!/^[\w+/= \t\r\n-]*$/.test(text)) return undefined;
  const compact = withoutWhiteSpace(text);
  if (!alphabets[alphabet].test(compact)) return undefined;
  const padding = compact.endsWith("==") ? 2 : compact.endsWith("=") ? 1 : 0;
  const digits = compact.slice(0, compact.length - padding);
  const isWhole = digits.length % 4 !== 1 && (padding === 0 || compact.length % 4 === 0);
  return isWhole ? Buffer.from(digits, alphabet) : undefined;
}
