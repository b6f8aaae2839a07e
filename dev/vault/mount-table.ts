import { randomUUID } from "node:crypto";
import { badRequest, type Data } from "./answer.js";
import type { Engine } from "./engine.js";
import { letters } from "./identifiers.js";

export interface Mount {
  /** With a trailing slash: `kv/`, `auth/jwt/`. */
  readonly path: string;
  readonly engine: Engine;
  readonly description: string;
  readonly options: Data | null;
  readonly accessor: string;
  readonly uuid: string;
  /** Seconds; 0 is the system's. */
  readonly maxTtl: number;
}

/** Which engine answers below which path. */
export class MountTable {
  readonly #mounts = new Map<string, Mount>();

  add(
    path: string,
    engine: Engine,
    about: { description?: string; options?: Data | null; maxTtl?: number } = {},
  ): void {
    const taken = [...this.#mounts.keys()].find((other) => other.startsWith(path) || path.startsWith(other));
    if (taken) throw badRequest(`path is already in use at ${taken.replace(/^auth\//, "")}`);
    this.#mounts.set(path, {
      path,
      engine,
      description: about.description ?? "",
      options: about.options ?? null,
      accessor: `${path.startsWith("auth/") ? "auth_" : ""}${engine.type}_${letters(8).toLowerCase()}`,
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

  all(): Mount[] {
    return [...this.#mounts.values()];
  }
}

/** As `sys/mounts` and `sys/auth` list it. */
export function describeMount({ accessor, engine, description, options, uuid, maxTtl, path }: Mount): Data {
  return {
    accessor,
    config: {
      default_lease_ttl: 0,
      force_no_cache: false,
      max_lease_ttl: maxTtl,
      ...(path.startsWith("auth/") && { token_type: "default-service" }),
    },
    deprecation_status: "supported",
    description,
    external_entropy_access: false,
    local: false,
    options,
    plugin_version: "",
    running_plugin_version: "v1.21.1+builtin",
    running_sha256: "",
    seal_wrap: false,
    type: engine.type,
    uuid,
  };
}
