import { BlockList, isIP } from "node:net";

type Env = Readonly<Record<string, string | undefined>>;

/** Of Vault's own client alone, for every address (vault/api client.go, ReadEnvironment). */
const clientVariables = ["VAULT_PROXY_ADDR", "BAO_PROXY_ADDR", "VAULT_HTTP_PROXY", "BAO_HTTP_PROXY"];

/**
 * The variable by which a Go program reaches an origin through a proxy, or `undefined` where it dials it (golang.org/x/net
 * http/httpproxy, which net/http's ProxyFromEnvironment is).
 */
export function proxyVariableFor(origin: string, env: Env): string | undefined {
  if (origin.startsWith("unix:")) return undefined;
  const ofClient = clientVariables.find((name) => env[name]);
  if (ofClient !== undefined) return ofClient;
  const { protocol, hostname, port } = new URL(origin);
  const host = hostname.replace(/^\[|\]$/g, "");
  const name = protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const variable = [name, name.toLowerCase()].find((one) => env[one]);
  if (variable === undefined || host === "localhost" || isWithin(host, ["127.0.0.0/8", "::1/128"])) return undefined;
  const written = (env["NO_PROXY"] || env["no_proxy"] || "").split(",").map((entry) => entry.trim().toLowerCase());
  const exempt = written.some((entry) => exempts(entry, host, port || (protocol === "https:" ? "443" : "80")));
  return exempt ? undefined : variable;
}

function exempts(entry: string, host: string, port: string): boolean {
  if (entry === "*") return true;
  if (entry.includes("/")) return isWithin(host, [entry]);
  const [, name = "", ofPort] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(isIP(entry) ? `[${entry}]` : entry) ?? [];
  if (name === "" || (ofPort !== undefined && ofPort !== port)) return false;
  const domain = name.replace(/^\*\./, ".");
  return domain.startsWith(".")
    ? host.endsWith(domain)
    : host === domain || (!isIP(host) && host.endsWith(`.${domain}`));
}

function isWithin(host: string, networks: readonly string[]): boolean {
  const family = isIP(host);
  const type = family === 6 ? "ipv6" : "ipv4";
  return (
    family !== 0 &&
    networks.some((network) => {
      const [address = "", bits = ""] = network.split("/");
      if (isIP(address) !== family || !/^\d{1,3}$/.test(bits) || Number(bits) > (family === 6 ? 128 : 32)) return false;
      const list = new BlockList();
      list.addSubnet(address, Number(bits), type);
      return list.check(host, type);
    })
  );
}
