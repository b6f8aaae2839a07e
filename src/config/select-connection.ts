import { ProviderError } from "../shared/errors.js";
import { quoted } from "../shared/quoted.js";
import type { Connection } from "./connection.js";
import type { OperatorConfig } from "./operator-config.js";
import { readOrigin } from "./origin.js";
import { admitsNamespace } from "./policy.js";

/** What a class says about where its secrets are. */
export interface ConnectionRequest {
  /** The operator's connection by name. */
  connection?: string | undefined;
  /** An origin that a connection lists; never dialled. */
  address?: string | undefined;
}

/**
 * The connection a class means: the one it names, else the one that lists its address, else the default. Throws
 * `invalid_request` or `permission_denied`, which name the setting that would help. Whether the pod may use the
 * connection is for `policyRefusals` to say; `namespace`, the pod's, decides between connections that list one address.
 */
export function selectConnection(operator: OperatorConfig, request: ConnectionRequest, namespace: string): Connection {
  const named = request.connection === undefined ? undefined : byName(operator, request.connection, namespace);
  const listed = request.address === undefined ? undefined : byAddress(operator, request.address, namespace);
  if (named && listed && !listed.includes(named)) throw disagreeing(named, listed);
  return named ?? listed?.[0] ?? operator.defaultConnection;
}

function byName({ connections }: OperatorConfig, name: string, namespace: string): Connection {
  const found = connections.find((connection) => connection.name === name);
  if (found) return found;
  const open = connections.filter((connection) => admitsNamespace(connection, namespace));
  const names = open.length === 0 ? "none" : open.map((connection) => connection.name).join(", ");
  throw new ProviderError(
    "invalid_request",
    `connection ${quoted(name)} is not in the configuration file (connections); namespace ${quoted(namespace)} may use: ${names}`,
  );
}

/** The connections an address means, the best first; `undefined` where the operator sends it to the default. */
function byAddress(operator: OperatorConfig, address: string, namespace: string): Connection[] | undefined {
  const reading = readOrigin(address);
  const listed = "mistake" in reading ? [] : operator.connections.filter((one) => lists(one, reading.origin));
  if (listed.length > 0) {
    const first = listed.includes(operator.defaultConnection) ? operator.defaultConnection : listed[0]!;
    const candidates = [first, ...listed];
    return [candidates.find((one) => admitsNamespace(one, namespace)) ?? first, ...listed];
  }
  if (operator.classAddress === "use-default") return undefined;
  throw "mistake" in reading
    ? new ProviderError(
        "invalid_request",
        `vaultAddress ${reading.mistake}; leave it out to use the default connection`,
      )
    : unlisted(operator, reading.origin);
}

function lists({ addresses, aliases }: Connection, origin: string): boolean {
  return addresses.some((address) => address.origin === origin) || aliases.includes(origin);
}

function unlisted({ defaultConnection: { name } }: OperatorConfig, origin: string): ProviderError {
  return new ProviderError(
    "permission_denied",
    `no connection lists vaultAddress ${quoted(origin)}; leave it out to use connection ${name}, ` +
      `or have the cluster administrator add it to connections.${name}.aliases, or set classAddress: use-default`,
  );
}

function disagreeing(named: Connection, listed: readonly Connection[]): ProviderError {
  return new ProviderError(
    "invalid_request",
    `connection ${named.name} and vaultAddress, which is listed by connection ${listed[0]!.name}, do not agree; keep one of them, ` +
      `or have the cluster administrator add the address to connections.${named.name}.aliases`,
  );
}
