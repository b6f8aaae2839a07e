import { isIP } from "node:net";

/** What an origin means to the network. */
export type Target = { socketPath: string } | HostTarget;

export interface HostTarget {
  host: string;
  port: number;
  /** Whether the host is a name, so that DNS has to know it. */
  named: boolean;
  secure: boolean;
}

export function targetOf(origin: string): Target {
  const { protocol, hostname, port, pathname } = new URL(origin);
  if (protocol === "unix:") return { socketPath: pathname };
  const host = hostname.replace(/^\[|\]$/g, "");
  const secure = protocol === "https:";
  return { host, port: Number(port) || (secure ? 443 : 80), named: isIP(host) === 0, secure };
}
