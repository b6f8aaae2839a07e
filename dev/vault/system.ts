import { type Answer, badRequest, type Data, missing, nothing, permissionDenied, Refusal } from "./answer.js";
import { type EngineParts, makeAuthMethod, makeSecretsEngine } from "./engines.js";
import type { Engine, EngineRequest } from "./engine.js";
import { list, seconds, text } from "./fields.js";
import { describeMount, describeMountInEffect, type Mount, type MountTable } from "./mount-table.js";
import type { PolicyBook } from "./policies.js";
import type { Quotas } from "./quotas.js";
import { Routes } from "./routes.js";
import type { Token } from "./token-store.js";
import type { Wrapping } from "./wrapping.js";
import { withoutOuterSlashes } from "../../src/shared/slashes.js";

export interface SystemParts extends EngineParts {
  readonly mounts: MountTable;
  readonly policies: PolicyBook;
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
    const { mounts } = this.#parts;
    const listed = (auth: boolean) => {
      const all = mounts.all().filter(({ path }) => path.startsWith("auth/") === auth);
      const data = Object.fromEntries(all.map((mount) => [mount.path.replace(/^auth\//, ""), describeMount(mount)]));
      return { data, beside: data };
    };
    this.#routes
      .on("mounts", { read: () => listed(false) })
      .on("mounts/*path", {
        update: ({ body }, path) => (this.#mount(`${withoutOuterSlashes(path)}/`, body), nothing),
        delete: (_, path) => (this.#unmount(`${withoutOuterSlashes(path)}/`), nothing),
      })
      .on("auth", { read: () => listed(true) })
      .on("auth/*path", {
        update: ({ body }, path) => (this.#mountAuth(`auth/${withoutOuterSlashes(path)}/`, body), nothing),
        delete: (_, path) => (this.#unmount(`auth/${withoutOuterSlashes(path)}/`), nothing),
      });
  }

  #mount(path: string, body: Data): void {
    const type = text(body, "type");
    const options = (body["options"] ?? null) as Data | null;
    const engine = makeSecretsEngine(body, this.#parts);
    this.#parts.mounts.add(path, engine, {
      description: text(body, "description"),
      options: type === "kv-v2" ? { version: "2" } : (options ?? {}),
      maxTtl: seconds((body["config"] ?? {}) as Data, "max_lease_ttl"),
    });
  }

  #mountAuth(path: string, body: Data): void {
    const engine = makeAuthMethod(text(body, "type"), this.#parts);
    this.#parts.mounts.add(path, engine, { description: text(body, "description"), options: {} });
  }

  /** What it issued goes with it. */
  #unmount(path: string): void {
    const { mounts, leases, tokens } = this.#parts;
    if (!mounts.remove(path)) return;
    leases.revokePrefix(path);
    for (const token of tokens.all()) if (token.path.startsWith(path)) tokens.revoke(token);
  }

  /** What the `vault` command asks before every `kv` command: the mount that a path is below, and its version. */
  #routeVisibleMounts(): void {
    const { mounts, policies } = this.#parts;
    const sees = (token: Token | undefined, { path }: Mount) =>
      token !== undefined && policies.reaches(token.policies, path);
    const nameOf = ({ path }: Mount) => path.replace(/^auth\//, "");
    const listed = (seen: readonly Mount[]) =>
      Object.fromEntries(seen.map((mount) => [nameOf(mount), describeMountInEffect(mount)]));
    this.#routes
      .on("internal/ui/mounts", {
        read: ({ token }) => {
          const seen = mounts.all().filter((mount) => sees(token, mount));
          const isAuth = ({ path }: Mount) => path.startsWith("auth/");
          const data = { auth: listed(seen.filter(isAuth)), secret: listed(seen.filter((mount) => !isAuth(mount))) };
          return { data, mountType: "" };
        },
      })
      .on("internal/ui/mounts/*path", {
        read: ({ token }, path) => {
          if (!token) throw permissionDenied();
          const asked = `${withoutOuterSlashes(path)}/`;
          const mount = mounts.find(asked);
          if (!mount || !sees(token, mount)) throw unseen(asked);
          return { data: { ...describeMountInEffect(mount), path: nameOf(mount) }, mountType: "" };
        },
      });
  }

  #routePolicies(): void {
    const { policies } = this.#parts;
    const paths = {
      update: ({ body }: EngineRequest, name?: string) => (policies.write(name!, text(body, "policy")), nothing),
      read: (_: EngineRequest, name?: string) => {
        const source = policies.source(name!);
        if (source === undefined) throw missing();
        return { data: { name, policy: source } };
      },
      delete: (_: EngineRequest, name?: string) => (policies.remove(name!), nothing),
    };
    this.#routes
      .on("policies/acl", { list: () => ({ data: { keys: policies.names() } }) })
      .on("policies/acl/:name", paths)
      .on("policy/:name", paths)
      .on("capabilities-self", {
        update: ({ body, token }) => {
          const asked = [...list(body, "paths"), ...list(body, "path")];
          const data = Object.fromEntries(asked.map((path) => [path, policies.capabilities(token!.policies, path)]));
          return { data, beside: data };
        },
      });
  }

  #routeLeases(): void {
    const { leases } = this.#parts;
    const idOf = ({ body }: EngineRequest, inPath?: string) => {
      const id = text(body, "lease_id") || inPath;
      if (!id) throw badRequest("lease_id must be specified");
      return id;
    };
    const renew = (request: EngineRequest, id?: string) =>
      leases.renew(idOf(request, id), seconds(request.body, "increment"));
    const revoke = (request: EngineRequest, id?: string) => (leases.revoke(idOf(request, id)), nothing);
    const revokeAll = (_: EngineRequest, prefix?: string) => (leases.revokePrefix(prefix!), nothing);
    this.#routes
      .on("renew", { update: renew })
      .on("leases/renew", { update: renew })
      .on("leases/renew/*id", { update: renew })
      .on("leases/revoke", { update: revoke })
      .on("leases/revoke-prefix/*prefix", { update: revokeAll })
      .on("leases/revoke-force/*prefix", { update: revokeAll })
      .on("leases/revoke/*id", { update: revoke })
      .on("leases/lookup", {
        update: (request) => {
          const lease = leases.find(idOf(request));
          if (!lease) throw badRequest("invalid lease");
          return { data: leases.describe(lease) };
        },
      })
      .on("leases/lookup/*prefix", { list: (_, prefix) => this.#listLeases(prefix) });
  }

  #listLeases(prefix: string): Answer {
    const folder = `${withoutOuterSlashes(prefix)}/`;
    const below = this.#parts.leases.all().filter(({ id }) => id.startsWith(folder));
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

/** The same for a mount that is not there: nothing is told by asking for names. */
const unseen = (path: string) =>
  new Refusal(403, [
    `preflight capability check returned 403, please ensure client's policies grant access to path "${path}"`,
  ]);
