import { posix } from "node:path";
import { longestSocketPath } from "../shared/socket-path.js";

/** A scheme, host and port, or a unix socket: equal origins are equal strings. */
export type OriginReading = { origin: string } | { mistake: string };

/**
 * Reads an address as operators and classes write it: `https://vault.example:8200`, `http://[::1]:8200` or
 * `unix:///run/vault.sock`. Case, default ports, a slash or a dot at the end, the many spellings of an IP address and
 * international names make no difference; a path, a query or a user name is a mistake. The mistake never repeats the
 * address, which may hold a password.
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
  if (/[?#]/.test(rest)) return { mistake: "holds a query or fragment; an address ends with host and port" };
  if (!URL.canParse(address)) return { mistake: "is not a valid address (https://host:port)" };
  const url = new URL(address);
  if (url.pathname !== "/") return { mistake: "holds a path; an address ends with host and port" };
  const host = url.hostname.replace(/\.$/, "");
  if (host === "") return { mistake: "has no host" };
  return { origin: `${url.protocol}//${host}${url.port === "" ? "" : `:${url.port}`}` };
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
