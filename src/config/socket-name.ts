import { basename, isAbsolute, join } from "node:path";
import { isProviderName } from "./configuration-file.js";
import { longestSocketPath } from "../shared/socket-path.js";

/** Where to listen, and what classes call us. The driver finds a provider by its socket's name, so the two agree. */
export interface SocketName {
  socketPath: string;
  additionalSocketPath?: string;
  providerName: string;
}

/** The driver's own. */
export const usualSocketDirectory = "/var/run/secrets-store-csi-providers";

export function socketName(said: {
  endpoint?: string | undefined;
  socketDir?: string | undefined;
  additionalSocketDir?: string | undefined;
  providerName?: string | undefined;
}): SocketName | { mistake: string } {
  const providerName = said.providerName ?? "vault";
  const named: SocketName = {
    socketPath: join(said.socketDir ?? usualSocketDirectory, `${providerName}.sock`),
    providerName,
  };
  const result = said.endpoint === undefined ? named : fromEndpoint(said.endpoint, said.providerName);
  if ("mistake" in result) return result;
  const { additionalSocketDir: second } = said;
  const both = second === undefined ? result : withSecond(result, join(second, `${result.providerName}.sock`));
  if ("mistake" in both) return both;
  const paths = [both.socketPath, both.additionalSocketPath ?? both.socketPath];
  if (!paths.every((path) => isAbsolute(path))) {
    return {
      mistake: "the socket's directory must be absolute (start with /): the driver looks for it from elsewhere",
    };
  }
  if (paths.some((path) => Buffer.byteLength(path) > longestSocketPath)) {
    return { mistake: `the socket's path is longer than ${longestSocketPath} bytes` };
  }
  return both;
}

function withSecond(named: SocketName, additionalSocketPath: string): SocketName | { mistake: string } {
  if (additionalSocketPath !== named.socketPath) return { ...named, additionalSocketPath };
  return { mistake: "additionalSocketDir is the directory of the socket itself; leave it out" };
}

function fromEndpoint(endpoint: string, providerName: string | undefined): SocketName | { mistake: string } {
  const socketPath = endpoint.replace(/^unix:(\/\/(?=\/))?/, "");
  if (/^[a-z]+:\/\//i.test(socketPath)) return { mistake: "endpoint must be unix:///dir/NAME.sock or /dir/NAME.sock" };
  const name = /^(.+)\.sock$/.exec(basename(socketPath))?.[1] ?? "";
  if (!isProviderName(name)) {
    return {
      mistake: "endpoint must end in NAME.sock, where NAME is 1 to 30 letters, digits, - or _: the driver looks for it",
    };
  }
  if (providerName !== undefined && providerName !== name) {
    return { mistake: `endpoint names the provider ${name}, and providerName ${providerName}; leave one of them out` };
  }
  return { socketPath, providerName: name };
}
