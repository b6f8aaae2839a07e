import { posix } from "node:path";
import { longestSocketPath } from "../shared/socket-path.js";

/** A scheme, host and port, and the path prefix of a proxy where there is one; or a unix socket. Equal origins are equal strings. */
export type OriginReading = { origin: string } | { mistake: string };

/**
 * Reads an address as operators and classes write it: `https://vault.example:8200`, `https://proxy.example/vault`,
 * `http://[::1]:8200` or `unix:///run/vault.sock`. The case of scheme and host, default ports, a slash or a dot at the end,
 * the many spellings of an IP address and international names make no difference; a query, a user name or an escape is a
 * mistake. The mistake never repeats the address, which may hold a password.
 */
export function readOrigin(address: string): OriginReading {
  if (!address.isWellFormed() || /[\p{Cc}\s\\]/u.test(address)) {
    return { mistake: "holds a space, a backslash or a control character" };
  }
  const [, scheme, rest] = /^([a-z]+):\/\/(.*)$/i.exec(address) ?? [];
  switch (scheme?.toLowerCase()) {
    case "https":
    case "http":
      return readHttp(address, rest!);
    case "unix":
      return readSocket(rest!);
    default:
      return { mistake: "must start with https://, http:// or unix://" };
  }
}

function readHttp(address: string, rest: string): OriginReading {
  if (rest.includes("@")) return { mistake: "holds a user name or password; leave out everything before the @" };
  if (/[?#]/.test(rest)) return { mistake: "holds a query or fragment; leave it out" };
  if (!URL.canParse(address)) return { mistake: "is not a valid address (https://host:port)" };
  const url = new URL(address);
  const host = url.hostname.replace(/\.$/, "");
  if (host === "") return { mistake: "has no host" };
  // As written: the URL's own path is one whose steps `..` and `%2e` are resolved already.
  const prefix = /^\/*[^/]*(.*)$/.exec(rest)![1]!.replace(/\/$/, "");
  const mistake = prefixMistake(prefix);
  return mistake ?? { origin: `${url.protocol}//${host}${url.port === "" ? "" : `:${url.port}`}${prefix}` };
}

/** Plain steps only, so that a prefix has one spelling and no proxy reads it as another. */
function prefixMistake(prefix: string): { mistake: string } | undefined {
  const steps = prefix.split("/").slice(1);
  if (steps.some((step) => !/^[\w.~-]+$/.test(step) || /^\.\.?$/.test(step))) {
    return { mistake: 'holds a path that is not plain (no empty step, "..", "%" or other special character)' };
  }
  const last = steps.at(-1);
  if (last !== "v1" && last !== "ui") return undefined;
  return { mistake: `ends with /${last}, which is no part of the address; leave it out` };
}

/** What precedes the path of each request to an origin: `/vault`, or nothing. */
export function prefixOf(origin: string): string {
  const { protocol, pathname } = new URL(origin);
  return protocol === "unix:" || pathname === "/" ? "" : pathname;
}

function readSocket(path: string): OriginReading {
  if (!path.startsWith("/")) return { mistake: "must name a socket by its absolute path (unix:///run/vault.sock)" };
  if (path.split("/").includes("..")) return { mistake: 'holds a step ".."; write the path out' };
  const clean = posix.normalize(path);
  if (clean.endsWith("/")) return { mistake: "names a directory, not a socket" };
  if (Buffer.byteLength(clean) > longestSocketPath) {
    return { mistake: `is longer than the ${longestSocketPath} bytes a socket's path may have` };
  }
  return { origin: `unix://${clean}` };
}
