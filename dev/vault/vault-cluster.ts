import { randomUUID } from "node:crypto";
import type { Clock } from "../../src/shared/clock.js";
import { type Answer, badRequest, invalidToken, notAllowed, permissionDenied, Refusal } from "./answer.js";
import type { EngineRequest, Operation } from "./engine.js";
import type { EngineParts } from "./engines.js";
import { seconds } from "./fields.js";
import type { TokenReviewer } from "./kubernetes-auth.js";
import { LeaseStore } from "./lease-store.js";
import type { Mount } from "./mount-table.js";
import { type Namespace, Namespaces } from "./namespaces.js";
import type { Capability } from "./policies.js";
import type { Product } from "./product.js";
import type { Release } from "./release.js";
import { Quotas } from "./quotas.js";
import type { LoggedRequest } from "./request-log.js";
import { System } from "./system.js";
import { TokenAuth } from "./token-auth.js";
import { type Token, TokenStore } from "./token-store.js";
import { Wrapping } from "./wrapping.js";

export interface ClusterParts {
  readonly clock: Clock;
  readonly product: Product;
  readonly release: Release;
  readonly review: TokenReviewer;
  readonly rootToken: string;
}

/** What all nodes of one Vault share: engines, tokens, leases, policies. It answers requests; nodes speak HTTP. */
export class VaultCluster {
  readonly id = randomUUID();
  readonly clock: Clock;
  readonly product: Product;
  readonly release: Release;
  readonly name = `vault-cluster-${randomUUID().slice(0, 8)}`;
  readonly tokens: TokenStore;
  readonly leases: LeaseStore;
  readonly #quotas: Quotas;
  readonly #wrapping: Wrapping;
  readonly #parts: EngineParts;
  readonly #namespaces: Namespaces;

  constructor({ clock, product, release, review, rootToken }: ClusterParts) {
    this.clock = clock;
    this.product = product;
    this.release = release;
    this.leases = new LeaseStore(clock);
    this.tokens = new TokenStore(clock, product, (token) => {
      this.leases.revokeOf(token);
      this.#wrapping.forget(token);
    });
    this.#quotas = new Quotas(clock);
    this.#wrapping = new Wrapping(clock, this.tokens);
    this.#parts = { clock, tokens: this.tokens, leases: this.leases, review, product, release };
    this.#namespaces = new Namespaces(product, (namespace, all) => this.#furnish(namespace, all));
    this.tokens.create({
      id: rootToken,
      policies: ["root"],
      displayName: "token",
      namespace: this.#namespaces.root,
      path: "auth/token/create",
      limits: { ttl: 0, maxTtl: 0 },
      orphan: true,
      eternal: true,
    });
  }

  get mounts(): readonly Mount[] {
    return this.#namespaces.all().flatMap(({ mounts }) => mounts.all());
  }

  /**
   * Answers one request, or throws the `Refusal`. Notes in the log whose it was. `asOf` is what a standby knows that reads
   * for itself: nothing written later.
   */
  async answer(request: LoggedRequest, asOf?: number): Promise<Answer & { wrapInfo?: unknown }> {
    const operation = operationOf(request);
    const isList = operation === "list" || operation === "scan";
    const { namespace, path } = this.#namespaces.resolve(
      request.namespace,
      isList && !request.path.endsWith("/") ? `${request.path}/` : request.path,
    );
    this.#quotas.count(request.path);
    const mount = namespace.mounts.find(path);
    const below = mount ? path.slice(mount.path.length) : path;
    const isPublic = mount?.engine.isPublic?.(below) ?? false;
    const open = isPublic || (mount?.engine.judgesAskers?.(below) ?? false);
    const needsToken = !open || (!isPublic && sentToken(request) !== undefined);
    const token = needsToken ? this.#authenticate(request) : undefined;
    if (token && !open) this.#authorise(token, namespace, path, operation, mount?.engine.exists?.(below));
    const use = token && !open ? this.tokens.use(token) : undefined;
    try {
      if (!mount) throw new Refusal(404, [`no handler for route "${path}". route entry not found.`]);
      const asked: EngineRequest = {
        operation,
        path: below,
        query: new URLSearchParams(request.query),
        body: request.body,
        mount: mount.path,
        namespace,
        ...(asOf !== undefined && { asOf }),
        open,
        ...(token && { token }),
      };
      return this.#wrapped(await mount.engine.handle(asked), mount, namespace, request);
    } finally {
      use?.answered();
    }
  }

  /** Throws unless the request's token may do this with its path. For the few paths that a node carries out itself. */
  demand(request: LoggedRequest, capability: Capability): void {
    const token = this.#authenticate(request);
    const { policies } = this.#namespaces.root;
    if (!policies.allows(token, request.path, capability)) throw notAllowed();
  }

  #furnish(namespace: Namespace, namespaces: Namespaces): void {
    const { mounts } = namespace;
    const shared = { namespaces, quotas: this.#quotas, wrapping: this.#wrapping };
    mounts.add("sys/", new System({ ...this.#parts, ...shared, namespace }), {
      description: "system endpoints used for control, policy and debugging",
    });
    mounts.add("auth/token/", new TokenAuth(this.tokens), { description: "token based credentials" });
  }

  #authenticate(request: LoggedRequest): Token {
    const id = sentToken(request);
    if (!id) throw permissionDenied();
    const token = this.tokens.find(id);
    const unwrapping = request.path === "sys/wrapping/unwrap";
    if (!token && unwrapping) throw new Refusal(400, ["wrapping token is not valid or does not exist"]);
    if (!token) throw invalidToken(this.product);
    this.tokens.demandAddressIn(token.boundCidrs);
    request.token = { accessor: token.accessor, meta: token.meta };
    return token;
  }

  /** By the policies of the token's namespace, which name paths below that. */
  #authorise(
    token: Token,
    namespace: Namespace,
    within: string,
    operation: Operation,
    exists: boolean | undefined,
  ): void {
    if (!namespace.path.startsWith(token.namespace.path)) throw permissionDenied();
    const path = `${namespace.path.slice(token.namespace.path.length)}${within}`;
    const { policies } = token.namespace;
    if (path === "sys/wrapping/unwrap" && this.#wrapping.isWrapping(token)) return;
    const needed: Capability = operation === "update" && exists === false ? "create" : operation;
    if (policies.allows(token, path, needed)) return;
    if (operation === "list" && policies.allows(token, path.replace(/\/$/, ""), needed)) return;
    throw notAllowed();
  }

  #wrapped(
    answer: Answer,
    mount: Mount,
    namespace: Namespace,
    request: LoggedRequest,
  ): Answer & { wrapInfo?: unknown } {
    const full = { mountType: (answer.status ?? 200) < 400 ? mount.engine.type : "", ...answer };
    const asked = request.headers["x-vault-wrap-ttl"];
    if (!asked || (answer.status ?? 200) !== 200 || answer.bare) return full;
    const ttl = seconds({ ttl: asked }, "ttl");
    return { data: null, mountType: "", wrapInfo: this.#wrapping.wrap(full, request.path, ttl, namespace) };
  }
}

function operationOf({ method, headers, query }: LoggedRequest): Operation {
  if (new URLSearchParams(query).has("help")) throw badRequest("the embedded Vault has no help of paths");
  if (method === "LIST") return "list";
  if (method === "SCAN") return "scan";
  if (method === "GET" || method === "HEAD") return "read";
  if (method === "POST" || method === "PUT") return "update";
  if (method === "DELETE") return "delete";
  if (method === "PATCH") return demandMergePatch(headers["content-type"]?.replace(/;.*/s, "").trim());
  throw new Refusal(405, []);
}

function demandMergePatch(mediaType = ""): Operation {
  const patch = "application/merge-patch+json";
  if (mediaType === patch) return "patch";
  if (mediaType === "") throw badRequest("mime: no media type");
  throw new Refusal(415, [`PATCH requires Content-Type of ${patch}, provided ${mediaType}`]);
}

function sentToken({ headers }: LoggedRequest): string | undefined {
  return headers["x-vault-token"] ?? /^Bearer (.*)$/.exec(headers["authorization"] ?? "")?.[1];
}
