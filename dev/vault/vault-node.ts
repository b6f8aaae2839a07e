import { setMaxListeners } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, ListenOptions } from "node:net";
import { posix } from "node:path";
import { parse } from "lossless-json";
import { badRequest, type Data, manyErrors, nothing, Refusal } from "./answer.js";
import { type WireAnswer, wire, wireRefusal } from "./envelope.js";
import type { Faults } from "./faults.js";
import { NodeStatus, type Standing } from "./node-status.js";
import type { LoggedRequest, RequestLog } from "./request-log.js";
import type { Product } from "./product.js";
import type { VaultCluster } from "./vault-cluster.js";

export interface NodeParts {
  readonly cluster: VaultCluster;
  readonly log: RequestLog;
  readonly faults: Faults;
  readonly unsealKey: string;
  /** PEM. Without it plain HTTP is spoken. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string };
  /** What every answer takes on top, in the clock's milliseconds. */
  readonly latencyMs: number;
}

/** Vault's listeners keep idle connections for five minutes. */
const idleMs = 300_000;

/** Vault refuses larger requests: its listener's `max_request_size`. */
const maxRequestBytes = 32 << 20;

/** One node of a Vault: an HTTP server before the cluster, with a seal and a standing of its own. */
export class VaultNode {
  readonly status: NodeStatus;
  readonly #parts: NodeParts;
  readonly #stopping = new AbortController();
  readonly #servers: Server[] = [];
  #address = "";

  constructor(parts: NodeParts) {
    this.#parts = parts;
    // Each open request listens: a hundred at once are no leak.
    setMaxListeners(0, this.#stopping.signal);
    this.status = new NodeStatus(parts.cluster, parts.unsealKey);
  }

  get address(): string {
    return this.#address;
  }

  set standing(standing: Standing) {
    this.status.standing = standing;
  }

  /** Where a standby sends clients that it may not serve. */
  set leaderAddress(address: string) {
    this.status.leaderAddress = address;
  }

  /** Listens on loopback (port 0: any), and on unix sockets as often as asked. */
  async listen(options: ListenOptions): Promise<void> {
    const { tls } = this.#parts;
    const answer: RequestListener = (request, response) => void this.#serve(request, response);
    const secure = tls && options.path === undefined;
    const server = secure
      ? createSecureServer({ ...tls, ...(tls.ca && { requestCert: true }) }, answer)
      : createServer(answer);
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(options, resolve));
    server.keepAliveTimeout = idleMs;
    this.#servers.push(server);
    const listening = server.address() as AddressInfo | string;
    if (typeof listening !== "string") this.#address = `${secure ? "https" : "http"}://127.0.0.1:${listening.port}`;
  }

  /** Ends every connection at once, answered or not, and listens no more. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the embedded Vault stops"));
    await Promise.all(
      this.#servers.splice(0).map((server) => {
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        server.closeAllConnections();
        return closed;
      }),
    );
  }

  /** Resets connections that are open now; the server goes on. */
  dropConnections(): void {
    for (const server of this.#servers) server.closeAllConnections();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { faults, cluster, log, latencyMs } = this.#parts;
    const gone = new AbortController();
    const give = () => gone.abort(new Error("the client is gone"));
    response.once("close", give);
    this.#stopping.signal.addEventListener("abort", give, { once: true });
    const send = (answer: WireAnswer) => write(response, answer);
    try {
      const text = await bodyOf(request);
      const unserved = outsideTheApi(request);
      if (unserved) return send(unserved);
      const logged = describe(request, cluster.clock.wall(), cluster.product);
      log.add(logged);
      response.once("finish", () => (logged.status = response.statusCode));
      const honest = () => this.#honest(logged, text);
      if (latencyMs > 0) await cluster.clock.sleep(latencyMs, gone.signal);
      const fault = faults.take(logged.method, logged.path);
      if (!fault) return send(await honest());
      await fault({ response, clock: cluster.clock, signal: gone.signal, honest, send });
    } catch (error) {
      if (gone.signal.aborted || response.headersSent) return;
      send(wireRefusal(error instanceof Refusal ? error : new Refusal(500, [`internal error: ${String(error)}`])));
    } finally {
      this.#stopping.signal.removeEventListener("abort", give);
    }
  }

  /** Answers one request without HTTP, and notes it in the log: what a client in the same process asks. */
  async ask(request: LoggedRequest, text: string): Promise<WireAnswer> {
    this.#parts.log.add(request);
    const answer = await this.#honest(request, text);
    request.status = answer.status;
    return answer;
  }

  /** What Vault answers; throws only what is a fault of this program. */
  async #honest(request: LoggedRequest, text: string): Promise<WireAnswer> {
    const { cluster } = this.#parts;
    const { product } = cluster;
    try {
      request.body = parseBody(text, product);
      const own = this.status.answer(request);
      if (own) return wire(own, product);
      if (request.path === "sys/seal" && this.status.sealed) return wire(nothing, product);
      this.status.refuseIfUseless();
      const redirected = this.#redirect(request);
      if (redirected) return redirected;
      if (request.path === "sys/seal") return wire(this.#seal(request), product);
      this.#refuseLeasesUnforwarded(request);
      return wire(await cluster.answer(request, this.#asOf(request)), product);
    } catch (error) {
      if (error instanceof Refusal) return wireRefusal(error);
      throw error;
    }
  }

  /** A standby that reads for itself knows nothing newer; it hands all else to its leader. */
  #asOf({ method }: LoggedRequest): number | undefined {
    const { clock, product } = this.#parts.cluster;
    const { lagMs } = standbys[product];
    if (this.status.standing !== "standby" || method !== "GET" || lagMs === 0) return undefined;
    return clock.wall() - lagMs;
  }

  /** Before 2.6.2 such a standby wrote what it was asked for to its own storage (openbao's vault/logical_system.go). */
  #refuseLeasesUnforwarded({ path, method }: LoggedRequest): void {
    const writes = method !== "GET" && /^sys\/(leases\/)?(renew|revoke)/.test(path);
    if (this.status.standing !== "standby" || this.#parts.cluster.release.standbyForwardsLeases || !writes) return;
    throw new Refusal(500, [manyErrors("operation could not be completed as storage is read-only")]);
  }

  #seal(request: LoggedRequest) {
    this.#parts.cluster.demand(request, "sudo");
    return this.status.seal();
  }

  /** A standby that may not forward redirects the client to the leader; a misled one, to the previous leader. */
  #redirect({ path, query, headers }: LoggedRequest): WireAnswer | undefined {
    const { standing } = this.status;
    const isAlone = headers["x-vault-no-request-forwarding"] === "true";
    const told = standing === "standby" && isAlone && standbys[this.#parts.cluster.product].redirect;
    if (standing !== "misled" && !told) return undefined;
    const location = `${this.status.leaderAddress}/v1/${path}${query && `?${query}`}`;
    return { status: 307, headers: { location }, body: "" };
  }
}

/** What a standby does with requests. OpenBao's reads for itself, as far behind as half of those measured (p50; at most 120). */
const standbys: Record<Product, { redirect: boolean; lagMs: number }> = {
  vault: { redirect: true, lagMs: 0 },
  openbao: { redirect: false, lagMs: 81 },
};

function write(response: ServerResponse, { status, headers, body }: WireAnswer): void {
  const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
  response.writeHead(status, { "cache-control": "no-store", ...hsts, ...headers, ...length });
  response.end(body);
}

const hsts = { "strict-transport-security": "max-age=31536000; includeSubDomains" };

/** What Go's server says before Vault hears of a request: a path that is not clean is redirected, another than `/v1/…` unknown. */
function outsideTheApi({ url, method }: IncomingMessage): WireAnswer | undefined {
  const [path, ...query] = url!.split("?") as [string, ...string[]];
  const clean = posix.normalize(path);
  if (path !== clean) {
    const location = [clean, ...query].join("?");
    const html = { "content-type": "text/html; charset=utf-8" };
    if (method !== "GET") return { status: 307, headers: { location }, body: "" };
    const link = location.replaceAll("&", "&amp;").replace(/["'<>]/g, (character) => `&#${character.charCodeAt(0)};`);
    return { status: 307, headers: { ...html, location }, body: `<a href="${link}">Temporary Redirect</a>.\n\n` };
  }
  if (path.startsWith("/v1/")) return undefined;
  return { status: 404, headers: { "content-type": "text/plain; charset=utf-8" }, body: "404 page not found\n" };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxRequestBytes) throw new Refusal(413, ["http: request body too large"]);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** What a GET with one of these in its query is. */
const listings: Record<Product, readonly ("list" | "scan")[]> = { vault: ["list"], openbao: ["list", "scan"] };

function describe(request: IncomingMessage, at: number, product: Product): LoggedRequest {
  const [path, query = ""] = request.url!.replace(/^\/v1\//, "").split("?", 2) as [string, string?];
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  const asked = request.method === "GET" ? new URLSearchParams(query) : undefined;
  const listing = listings[product].find((name) => asked?.get(name) === "true");
  return {
    at,
    method: listing?.toUpperCase() ?? request.method!,
    path: decoded(path),
    query,
    namespace: headers["x-vault-namespace"] ?? "",
    headers,
    body: {},
  };
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw badRequest("the path is no URL path");
  }
}

/** Vault says of JSON that is broken within, with a 500, what the decoder said. OpenBao's http/json.go */
const badJson: Record<Product, { words: string; isBareWithin: boolean }> = {
  vault: { words: "error parsing JSON: failed to parse JSON input", isBareWithin: true },
  openbao: { words: "failed to decode JSON input", isBareWithin: false },
};

function parseBody(text: string, product: Product): Data {
  if (text === "") return {};
  const value = parsed(text, product);
  if (value === null) return {};
  if (typeof value === "object" && !Array.isArray(value)) return value as Data;
  const kind = Array.isArray(value) ? "array" : typeof value;
  throw badRequest(
    `${badJson[product].words}: json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`,
  );
}

function parsed(text: string, product: Product): unknown {
  try {
    return parse(text);
  } catch (error) {
    const found = text[Number(/position (\d+)/.exec((error as Error).message)?.[1] ?? text.length)];
    const character = found ? `invalid character '${found}' looking for beginning of value` : "unexpected EOF";
    const { words, isBareWithin } = badJson[product];
    if (isBareWithin && text.startsWith("{")) throw new Refusal(500, [character]);
    throw badRequest(`${words}: ${character}`);
  }
}
