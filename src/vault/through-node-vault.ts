import nodeVault from "node-vault";
import { ProviderError } from "../shared/errors.js";
import type { Redacted } from "../shared/redacted.js";
import type { HttpRequest } from "./http-exchange.js";
import type { HttpAnswer } from "./response-reader.js";
import type { AnswerIntake } from "./vault-client.js";

/** One request in Vault's terms. */
export interface VaultQuestion {
  method: string;
  /** After `/v1/`, escaped, with its query. */
  path: string;
  vaultNamespace: string;
  token?: Redacted<string> | undefined;
  /** `namespace/name/uid` of the pod it is for. */
  pod?: string | undefined;
  /** JSON text. */
  body?: Redacted<string> | undefined;
  /** How its answer is taken in. */
  intake?: AnswerIntake | undefined;
}

/** What node-vault hands to its transport; `send` passes through it untouched. */
interface Handed {
  method: string;
  uri: string;
  headers: Record<string, string>;
  send: (method: string, path: string, headers: Record<string, string>) => Promise<HttpAnswer>;
}

/** As much of node-vault as we use: it puts together URI and headers, and calls the transport. */
interface NodeVault {
  token: string;
  namespace: string;
  pathPrefix: string;
  handleVaultResponse: (answer: HttpAnswer) => HttpAnswer;
  request(options: Omit<Handed, "uri"> & { path: string }): Promise<HttpAnswer>;
}

/** Never dialled: the transport knows where to send. */
const endpoint = "http://vault";

/**
 * node-vault as a shell: its transport (axios), its commands, its debug output and its validation of what we give it (tv4)
 * are replaced, and so is its reading of answers, which drops headers. Everything that it takes from the environment
 * (VAULT_TOKEN, VAULT_NAMESPACE, VAULT_PREFIX, VAULT_ADDR) is overwritten, if need be with nothing. It knows no token and no
 * namespace: each request brings its own as headers, so that none outlives it or meets another's.
 */
const shell = makeShell();

function makeShell(): NodeVault {
  const isValid = () => true;
  const transport = ({ method, uri, headers, send }: Handed) => send(method, uri.slice(endpoint.length), headers);
  const client = nodeVault({
    endpoint,
    commands: {},
    debug: () => {},
    tv4: Object.assign(isValid, { validate: isValid }), // Typed as a function; what is called is `validate`.
    "request-promise": { defaults: () => transport },
  }) as unknown as NodeVault;
  client.token = "";
  client.namespace = "";
  client.pathPrefix = "";
  client.handleVaultResponse = (answer) => answer;
  return client;
}

/** Asks through node-vault. Throws `invalid_request` for what no HTTP header can hold. */
export function askThroughNodeVault(
  { method, path, vaultNamespace, token, pod, body }: VaultQuestion,
  send: (request: HttpRequest) => Promise<HttpAnswer>,
): Promise<HttpAnswer> {
  checkPrintable(vaultNamespace + (pod ?? ""));
  const headers: Record<string, string> = { "X-Vault-Request": "true" };
  if (token) headers["X-Vault-Token"] = token.reveal();
  if (vaultNamespace !== "") headers["X-Vault-Namespace"] = vaultNamespace;
  if (pod !== undefined) headers["X-Keymount-Pod"] = pod;
  if (body) headers["Content-Type"] = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  return shell.request({
    method,
    path: `/${path}`,
    headers,
    send: (method, path, headers) => send({ method, path, headers, body: body?.reveal() }),
  });
}

/** HTTP headers hold only such characters; Node would refuse with an error of its own. Throws `invalid_request`. */
export function checkPrintable(text: string): void {
  if (/^[\x21-\x7e]*$/.test(text)) return;
  throw new ProviderError("invalid_request", "the Vault namespace may hold printable ASCII characters only, no spaces");
}
