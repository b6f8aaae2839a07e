import {
  type Answer,
  badRequest,
  type Data,
  manyErrors,
  missing,
  nothing,
  permissionDenied,
  Refusal,
} from "./answer.js";
import { routeAuditDevices } from "./audit-devices.js";
import { type EngineParts, makeAuthMethod, makeSecretsEngine } from "./engines.js";
import type { Engine, EngineRequest } from "./engine.js";
import { list, seconds, text } from "./fields.js";
import {
  describeMount,
  describeMountInEffect,
  describeTuning,
  isAuthPath,
  type Mount,
  mountName,
} from "./mount-table.js";
import type { Namespace, Namespaces } from "./namespaces.js";
import type { Quotas } from "./quotas.js";
import { Routes } from "./routes.js";
import type { Token } from "./token-store.js";
import type { Wrapping } from "./wrapping.js";
import { withoutOuterSlashes } from "../../src/shared/slashes.js";

export interface SystemParts extends EngineParts {
  readonly namespace: Namespace;
  readonly namespaces: Namespaces;
  readonly quotas: Quotas;
  readonly wrapping: Wrapping;
}

/** The paths below `sys/` that speak of the cluster; those about one node (health, seal) are `node-status.ts`'s. */
export class System implements Engine {
  readonly type = "system";
  readonly #parts: SystemParts;
  readonly #routes: Routes;

  constructor(parts: SystemParts) {
    this.#parts = parts;
    this.#routes = new Routes();
    this.#routeMounts();
    this.#routeVisibleMounts();
    this.#routePolicies();
    this.#routeLeases();
    this.#routeQuotas();
    this.#routeWrapping();
    routeAuditDevices(this.#routes, parts.product);
    if (parts.namespaces.isServing) parts.namespaces.route(this.#routes, parts.namespace);
  }

  isPublic(path: string): boolean {
    return path === "wrapping/lookup";
  }

  judgesAskers(path: string): boolean {
    return /^internal\/ui\/mounts(\/|$)/.test(path);
  }

  handle(request: EngineRequest): Answer | Promise<Answer> {
    return this.#routes.handle(request);
  }

  #routeMounts(): void {
    const { product, namespace } = this.#parts;
    const { mounts } = namespace;
    const described = (mount: Mount) => describeMount(mount, product);
    const route = (name: "mounts" | "auth", mount: (path: string, body: Data) => void) => {
      const at = (path: string) => `${name === "auth" ? "auth/" : ""}${withoutOuterSlashes(path)}/`;
      const kind = name === "auth" ? "auth" : "secret";
      this.#routes
        .on(name, { read: () => besideItself(byName(kind, mounts.all(), described)) })
        .on(`${name}/*path/tune`, {
          read: (_, path) => this.#tuning(at(path)),
          update: () => {
            throw badRequest("the embedded Vault tunes no mounts: mount it with the wanted settings");
          },
        })
        .on(`${name}/*path`, {
          read: (_, path) => this.#described(at(path)),
          update: ({ body }, path) => (mount(at(path), body), nothing),
          delete: (_, path) => (this.#unmount(at(path)), nothing),
        });
    };
    route("mounts", (path, body) => this.#mount(path, body));
    route("auth", (path, body) => this.#mountAuth(path, body));
  }

  #described(path: string): Answer {
    const mount = this.#parts.namespace.mounts.at(path);
    if (mount) return besideItself(describeMount(mount, this.#parts.product));
    throw badRequest(`No ${isAuthPath(path) ? "auth engine" : "secret engine mount"} at ${mountName(path)}`);
  }

  #tuning(path: string): Answer {
    const mount = this.#parts.namespace.mounts.at(path);
    if (mount) return besideItself(describeTuning(mount, this.#parts.product));
    throw badRequest(`cannot fetch sysview for path "${path}"`);
  }

  #mount(path: string, body: Data): void {
    const engine = makeSecretsEngine(body, this.#parts);
    this.#parts.namespace.mounts.add(path, engine, {
      description: text(body, "description"),
      options: text(body, "type") === "kv-v2" ? { version: "2" } : optionsIn(body),
      maxTtl: seconds((body["config"] ?? {}) as Data, "max_lease_ttl"),
    });
  }

  #mountAuth(path: string, body: Data): void {
    const engine = makeAuthMethod(text(body, "type"), this.#parts);
    this.#parts.namespace.mounts.add(path, engine, {
      description: text(body, "description"),
      options: optionsIn(body),
    });
  }

  /** What it issued goes with it. */
  #unmount(path: string): void {
    const { namespace, leases, tokens } = this.#parts;
    if (!namespace.mounts.remove(path)) return;
    leases.revokePrefix(path, namespace);
    for (const token of tokens.all()) {
      if (token.namespace === namespace && token.path.startsWith(path)) tokens.revoke(token);
    }
  }

  /** What the `vault` command asks before every `kv` command: the mount that a path is below, and its version. */
  #routeVisibleMounts(): void {
    const { mounts, policies } = this.#parts.namespace;
    const described = (mount: Mount) => describeMountInEffect(mount, this.#parts.product);
    const sees = (token: Token | undefined, { path }: Mount) => token !== undefined && policies.reaches(token, path);
    this.#routes
      .on("internal/ui/mounts", {
        read: ({ token }) => {
          const seen = mounts.all().filter((mount) => sees(token, mount));
          const auth = byName("auth", seen, described);
          const secret = byName("secret", seen, described);
          return { data: { auth, secret }, mountType: "" };
        },
      })
      .on("internal/ui/mounts/*path", {
        read: ({ token }, path) => {
          if (!token) throw permissionDenied();
          const asked = `${withoutOuterSlashes(path)}/`;
          const mount = mounts.find(asked);
          if (!mount || !sees(token, mount)) throw unseen(asked);
          return { data: { ...described(mount), path: mountName(mount.path) }, mountType: "" };
        },
      });
  }

  #routePolicies(): void {
    const { policies } = this.#parts.namespace;
    const sourceOf = (name: string) => {
      const source = policies.source(name);
      if (source === undefined) throw missing();
      return source;
    };
    const writes = {
      update: ({ body }: EngineRequest, name?: string) => (policies.write(name!, text(body, "policy")), nothing),
      delete: (_: EngineRequest, name?: string) => (policies.remove(name!), nothing),
    };
    const all = () => besideItself({ keys: policies.names(), policies: policies.names() });
    this.#routes
      .on("policies/acl", { list: () => ({ data: { keys: policies.names() } }) })
      .on("policies/acl/:name", { ...writes, read: (_, name) => ({ data: { name, policy: sourceOf(name) } }) })
      .on("policy", { read: all, list: all })
      .on("policy/:name", { ...writes, read: (_, name) => besideItself({ name, rules: sourceOf(name) }) })
      .on("capabilities", { update: ({ body }) => this.#capabilities(body, this.#named(body)) })
      .on("capabilities-self", { update: ({ body, token }) => this.#capabilities(body, token!) });
  }

  #named(body: Data): Token {
    const id = text(body, "token");
    if (id === "") throw new Refusal(500, [manyErrors("no token found")]);
    const token = this.#parts.tokens.find(id);
    if (!token) throw badRequest(manyErrors("invalid token"));
    return token;
  }

  #capabilities(body: Data, token: Token): Answer {
    const paths = [...list(body, "paths"), ...list(body, "path")];
    if (paths.length === 0) throw badRequest("paths must be supplied");
    const found = paths.map((path) => [path, this.#parts.namespace.policies.capabilities(token, path)] as const);
    return besideItself({
      ...Object.fromEntries(found),
      // As it was before several paths could be asked for.
      ...(found.length === 1 && { capabilities: found[0]![1] }),
    });
  }

  #routeLeases(): void {
    const { leases, namespace } = this.#parts;
    const idOf = ({ body }: EngineRequest, inPath?: string) => {
      const id = text(body, "lease_id") || inPath;
      if (!id) throw badRequest("lease_id must be specified");
      return id;
    };
    const renew = (request: EngineRequest, id?: string) =>
      leases.renew(idOf(request, id), seconds(request.body, "increment"), namespace);
    const revoke = (request: EngineRequest, id?: string) => (leases.revoke(idOf(request, id)), nothing);
    const revokeAll = (_: EngineRequest, prefix?: string) => (leases.revokePrefix(prefix!, namespace), nothing);
    this.#routes
      .on("renew", { update: renew })
      .on("leases/renew", { update: renew })
      .on("leases/renew/*id", { update: renew })
      .on("leases/revoke", { update: revoke })
      .on("leases/revoke-prefix/*prefix", { update: revokeAll })
      .on("leases/revoke-force/*prefix", { update: revokeAll })
      .on("leases/revoke/*id", { update: revoke })
      .on("leases/lookup", {
        list: () => this.#listLeases(""),
        update: (request) => {
          const lease = leases.find(idOf(request));
          if (!lease) throw badRequest("invalid lease");
          return { data: leases.describe(lease) };
        },
      })
      .on("leases/lookup/*prefix", { list: (_, prefix) => this.#listLeases(prefix) });
  }

  #listLeases(prefix: string): Answer {
    const folder = prefix === "" ? "" : `${withoutOuterSlashes(prefix)}/`;
    const { leases, namespace: of } = this.#parts;
    const below = leases.all().filter(({ id, namespace }) => namespace === of && id.startsWith(folder));
    if (below.length === 0) throw missing();
    const keys = below.map(({ id }) => id.slice(folder.length).replace(/\/.*/, "/"));
    return { data: { keys: [...new Set(keys)].sort() } };
  }

  #routeQuotas(): void {
    const { quotas } = this.#parts;
    this.#routes
      .on("quotas/config", { update: ({ body }) => (quotas.configure(body), nothing) })
      .on("quotas/rate-limit/:name", {
        update: ({ body }, name) => (quotas.write(name, body), nothing),
        delete: (_, name) => (quotas.remove(name), nothing),
        read: (_, name) => {
          const data = quotas.describe(name);
          if (!data) throw missing();
          return { data };
        },
      });
  }

  #routeWrapping(): void {
    const { wrapping } = this.#parts;
    this.#routes
      .on("wrapping/lookup", { update: ({ body }) => wrapping.lookup(text(body, "token")) })
      .on("wrapping/unwrap", {
        update: ({ body, token }) => wrapping.unwrap(text(body, "token") || (token?.id ?? "")),
      });
  }
}

/** The mounts of a kind by their names, as `sys` lists them. */
function byName(kind: "auth" | "secret", mounts: readonly Mount[], describe: (mount: Mount) => Data): Data {
  const own = mounts.filter(({ path }) => isAuthPath(path) === (kind === "auth"));
  return Object.fromEntries(own.map((mount) => [mountName(mount.path), describe(mount)]));
}

/** `{}` unless some are given; a `null` stays one. */
function optionsIn({ options = {} }: Data): Data | null {
  return options as Data | null;
}

/** The same for a missing mount: names cannot be discovered by probing. */
const unseen = (path: string) =>
  new Refusal(403, [
    `preflight capability check returned 403, please ensure client's policies grant access to path "${path}"`,
  ]);

/** `sys` writes most of its answers twice: old clients read them from beside the envelope's fields. */
const besideItself = (data: Data): Answer => ({ data, beside: data });
