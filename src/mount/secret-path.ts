import { hidesSteps } from "../shared/hidden-steps.js";

/** A secretPath, understood. `query` is decoded, in the order written. */
export interface SecretPath {
  path: string;
  query: URLSearchParams;
}

const longest = 1024;
/** Each is held against the operator's policy. */
const mostSteps = 64;

/**
 * Reads a `secretPath` as the Go provider does (`v1/` and slashes at its start left out, `?query` split off, doubled and
 * trailing slashes dropped as Go's path.Join drops them), with percent-escapes decoded once: the path is what policy
 * judges and what Vault decodes. What could become another path on the way is refused. Returns the mistake as text.
 */
export function readSecretPath(text: string): SecretPath | string {
  if (Buffer.byteLength(text) > longest) return `is longer than ${longest} bytes`;
  if (!text.isWellFormed() || /\p{Cc}/u.test(text)) return "holds a control character or a line break";
  if (/^[a-z]{2,10}:\/\//i.test(text)) return "is an address; write the path alone, like secret/data/app";
  const [written = "", ...queries] = text.split("?");
  if (written.includes("\\"))
    return 'holds "\\"; write "/" between the steps of a path, or %5C for the character itself';
  if (/%2[ef]/i.test(written)) return 'holds an encoded dot or slash; write "." or "/" itself';
  const decoded = decodeOnce(written);
  if (decoded === undefined) return 'holds an escape that is not UTF-8; write %25 for "%"';
  if (/\p{Cc}/u.test(decoded)) return "holds an encoded control character, which no path may have";
  if (hidesSteps(decoded)) return 'holds a doubly encoded dot, slash or the like, or a ".." between backslashes';
  const steps = decoded.split("/").filter((step) => step !== "");
  if (steps[0] === "v1") steps.shift();
  if (steps.length === 0) return "is empty";
  if (steps.length > mostSteps) return `has more than ${mostSteps} steps`;
  if (steps.some((step) => step === "." || step === "..")) return 'holds a step "." or ".."; write the path out';
  const query = readQuery(queries.join("?"));
  return query ? { path: steps.join("/"), query } : "has a query that is not valid (name=value&name=value)";
}

/** `undefined` for escapes that are not UTF-8, overlong ones included. A "%" that begins no escape is itself, as in Go. */
function decodeOnce(text: string): string | undefined {
  try {
    return text.replace(/(?:%[0-9a-f]{2})+/gi, decodeURIComponent);
  } catch {
    return undefined; // URIError.
  }
}

function readQuery(text: string): URLSearchParams | undefined {
  if (text.includes(";") || /%(?![0-9a-fA-F]{2})/.test(text)) return undefined;
  return new URLSearchParams(text);
}

/** Equal queries give equal text: sorted by name, as Go's url.Values.Encode. */
export function canonicalQuery(query: URLSearchParams): string {
  const sorted = new URLSearchParams(query);
  sorted.sort();
  return sorted.toString();
}

/** A `secretPath` that `readSecretPath` reads as this path. */
export function writeSecretPath(path: string): string {
  const written = path.replace(/[%?\\]/g, encodeURIComponent);
  return /^v1(\/|$)/.test(written) ? `v1/${written}` : written;
}
