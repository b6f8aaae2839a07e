import nodeVault from "node-vault";
import { ProviderError } from "../shared/errors.js";
import type { Redacted } from "../shared/redacted.js";
import type { HttpAnswer, HttpRequest } from "./http-exchange.js";
import type { AnswerIntake } from "./vault-client.js";

/** One request in Vault's terms. */
export interface VaultQuestion {
  method: string;
  /** After `/v1/`, escaped, with its query. */
  path: string;
  vaultNamespace: string;
  token?: Redacted<string>;
  /** `namespace/name/uid` of the pod it is for. */
  pod?: string;
  /** JSON text. */
  body?: Redacted<string>;
  /** How its answer is taken in. */
  intake?: AnswerIntake;
}

/** What node-vault hands to its transport; it is ours that reads it. */
interface Handed {
  method: string;
  uri: string;
  headers: Record<string, string>;
}

/** As much of node-vault as we use: it puts together URI and headers, and calls the transport. */
interface NodeVault {
  token: string;
  namespace: string;
  pathPrefix: string;
  handleVaultResponse: (answer: HttpAnswer) => HttpAnswer;
  request(options: { method: string; path: string; headers: Record<string, string> }): Promise<HttpAnswer>;
}

/** Never dialled: the transport knows where to send. */
const endpoint = "http://vault";

/**
 * Asks through node-vault, which is a shell here: its transport (axios), its commands and its debug output are replaced,
 * and so is its reading of answers, which drops headers. Everything that it takes from the environment (VAULT_TOKEN,
 * VAULT_NAMESPACE, VAULT_PREFIX, VAULT_ADDR) is overwritten, if need be with nothing. A client serves one request, so
 * that no token outlives it or meets another's.
 */
export function askThroughNodeVault(
  { method, path, vaultNamespace, token, pod, body }: VaultQuestion,
  send: (request: HttpRequest) => Promise<HttpAnswer>,
): Promise<HttpAnswer> {
  const transport = ({ method, uri, headers }: Handed) =>
    send({ method, path: uri.slice(endpoint.length), headers, ...(body && { body: body.reveal() }) });
  const client = nodeVault({
    endpoint,
    commands: {},
    debug: () => {},
    "request-promise": { defaults: () => transport },
  }) as unknown as NodeVault;
  client.token = token?.reveal() ?? "";
  client.namespace = vaultNamespace;
  client.pathPrefix = "";
  client.handleVaultResponse = (answer) => answer;
  checkPrintable(vaultNamespace + (pod ?? ""));
  return client.request({ method, path: `/${path}`, headers: headersOf(method, pod, body) });
}

/** HTTP headers hold only such characters; Node would refuse with an error of its own. Throws `invalid_request`. */
export function checkPrintable(text: string): void {
  if (/^[\x21-\x7e]*$/.test(text)) return;
  throw new ProviderError("invalid_request", "the Vault namespace may hold printable ASCII characters only, no spaces");
}

function headersOf(method: string, pod?: string, body?: Redacted<string>): Record<string, string> {
  const contentType = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  return {
    "X-Vault-Request": "true",
    ...(pod !== undefined && { "X-Keymount-Pod": pod }),
    ...(body && { "Content-Type": contentType }),
  };
}
