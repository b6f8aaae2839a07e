import { randomUUID } from "node:crypto";
import { badRequest, type Data } from "./answer.js";
import type { Engine } from "./engine.js";
import { letters } from "./identifiers.js";
import type { Product } from "./product.js";
import { systemTtl } from "./time-to-live.js";

export interface Mount {
  /** With a trailing slash: `kv/`, `auth/jwt/`. */
  readonly path: string;
  readonly engine: Engine;
  readonly description: string;
  /** `null` also where Vault mounted it itself. */
  readonly options: Data | null;
  readonly accessor: string;
  readonly uuid: string;
  /** Seconds; 0 is the system's. */
  readonly maxTtl: number;
}

export const isAuthPath = (path: string): boolean => path.startsWith("auth/");

/** As `sys` names a mount: that of an auth method without `auth/`. */
export const mountName = (path: string): string => path.replace(/^auth\//, "");

/** Which engine answers below which path. */
export class MountTable {
  readonly #mounts = new Map<string, Mount>();

  add(
    path: string,
    engine: Engine,
    about: { description?: string; options?: Data | null; maxTtl?: number } = {},
  ): void {
    const taken = [...this.#mounts.keys()].find((other) => other.startsWith(path) || path.startsWith(other));
    if (taken) throw badRequest(`path is already in use at ${mountName(taken)}`);
    this.#mounts.set(path, {
      path,
      engine,
      description: about.description ?? "",
      options: about.options ?? null,
      accessor: `${isAuthPath(path) ? "auth_" : ""}${engine.type}_${letters(8).toLowerCase()}`,
      uuid: randomUUID(),
      maxTtl: about.maxTtl ?? 0,
    });
  }

  remove(path: string): boolean {
    return this.#mounts.delete(path);
  }

  /** The mount a path lies below; a mount's own name counts as its root. */
  find(path: string): Mount | undefined {
    return [...this.#mounts.values()].find((mount) => `${path}/`.startsWith(mount.path));
  }

  /** The mount of exactly this path. */
  at(path: string): Mount | undefined {
    return this.#mounts.get(path);
  }

  all(): Mount[] {
    return [...this.#mounts.values()];
  }
}

/** What the product is built with; all others are of its own version. */
const pluginVersions: Record<Product, { own: string; others: Readonly<Record<string, string>> }> = {
  vault: {
    own: "v1.21.1+builtin.vault",
    others: { jwt: "v0.25.0+builtin", kubernetes: "v0.23.1+builtin", kv: "v0.25.0+builtin" },
  },
  openbao: { own: "v2.6.2+builtin.bao", others: {} },
};

/** Types that are no plugin's name, so that Vault knows of no deprecation. */
const notPlugins: readonly string[] = ["database", "system", "token"];

/** As `sys/mounts` and `sys/auth` list it: a lifetime of 0 is the system's. */
export function describeMount(
  { accessor, engine, description, options, uuid, maxTtl, path }: Mount,
  product: Product,
): Data {
  const { type } = engine;
  const isSystem = type === "system";
  return {
    accessor,
    config: {
      default_lease_ttl: 0,
      force_no_cache: false,
      max_lease_ttl: maxTtl,
      ...(isSystem && { passthrough_request_headers: ["Accept"] }),
      ...(isAuthPath(path) && { token_type: "default-service" }),
    },
    ...(!notPlugins.includes(type) && { deprecation_status: "supported" }),
    description,
    external_entropy_access: false,
    local: false,
    options,
    plugin_version: "",
    running_plugin_version: pluginVersions[product].others[type] ?? pluginVersions[product].own,
    running_sha256: "",
    seal_wrap: isSystem,
    type,
    uuid,
  };
}

/** As `sys/internal/ui/mounts` describes it: the system's lifetimes as well. */
export function describeMountInEffect(mount: Mount, product: Product): Data {
  const described = describeMount(mount, product);
  const config = described["config"] as Data;
  const lifetimes = { default_lease_ttl: systemTtl, max_lease_ttl: mount.maxTtl || systemTtl };
  return { ...described, config: { ...config, ...lifetimes } };
}

/** As `…/tune` tells it. */
export function describeTuning(mount: Mount, product: Product): Data {
  const { config, description, options } = describeMountInEffect(mount, product);
  const hasOptions = Object.keys(options ?? {}).length > 0;
  return { ...(config as Data), description, ...(hasOptions && { options }) };
}
