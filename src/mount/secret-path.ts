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
 * trailing slashes dropped as Go's path.Join drops them), but refuses what could make another path of it on the way to
 * Vault. Gives the mistake as text otherwise.
 */
export function readSecretPath(text: string): SecretPath | string {
  if (Buffer.byteLength(text) > longest) return `is longer than ${longest} bytes`;
  if (!text.isWellFormed() || /\p{Cc}/u.test(text)) return "holds a control character or a line break";
  const [written = "", ...queries] = text.split("?");
  if (/[#\\]/.test(text)) return 'holds "#" or "\\", which no Vault path needs';
  if (/%(2e|2f|5c|25|3f|23|0)/i.test(written))
    return "holds an encoded dot, slash or the like; write the character itself";
  const steps = written.split("/").filter((step) => step !== "");
  if (steps[0] === "v1") steps.shift();
  if (steps.length === 0) return "is empty";
  if (steps.length > mostSteps) return `has more than ${mostSteps} steps`;
  if (steps.some((step) => step === "." || step === "..")) return 'holds a step "." or ".."; write the path out';
  const query = readQuery(queries.join("?"));
  return query ? { path: steps.join("/"), query } : "has a query that is not valid (name=value&name=value)";
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
