import type { Clock } from "../../src/shared/clock.js";
import { badRequest, type Data } from "./answer.js";
import { ApproleAuth } from "./approle.js";
import type { Engine } from "./engine.js";
import { Database } from "./database.js";
import { seconds, text } from "./fields.js";
import { JwtAuth } from "./jwt-auth.js";
import { KubernetesAuth, type TokenReviewer } from "./kubernetes-auth.js";
import { KvV1 } from "./kv-v1.js";
import { KvV2 } from "./kv-v2.js";
import type { LeaseStore } from "./lease-store.js";
import type { Product } from "./product.js";
import type { Release } from "./release.js";
import { Pki } from "./pki.js";
import { Ssh } from "./ssh.js";
import type { TokenStore } from "./token-store.js";
import { Transit } from "./transit.js";

/** What engines are made of. */
export interface EngineParts {
  readonly clock: Clock;
  readonly tokens: TokenStore;
  readonly leases: LeaseStore;
  readonly review: TokenReviewer;
  readonly product: Product;
  readonly release: Release;
}

/** The engine that a body of `sys/mounts/…` asks for. */
export function makeSecretsEngine(body: Data, { clock, leases, product }: EngineParts): Engine {
  const type = text(body, "type");
  const part = (name: string) => (body[name] ?? {}) as Data;
  switch (type) {
    case "kv":
      return text(part("options"), "version") === "2" ? new KvV2(clock, product) : new KvV1(clock);
    case "kv-v2":
      return new KvV2(clock, product);
    case "database":
      return new Database(clock, leases);
    case "pki":
      return new Pki(clock, leases, product, seconds(part("config"), "max_lease_ttl"));
    case "ssh":
      return new Ssh(clock);
    case "transit":
      return new Transit(clock);
    default:
      throw badRequest(`plugin not found in the catalog: ${type}`);
  }
}

export function makeAuthMethod(type: string, { clock, tokens, review, product, release }: EngineParts): Engine {
  switch (type) {
    case "approle":
      return new ApproleAuth(product);
    case "jwt":
      return new JwtAuth(clock, tokens, product);
    case "kubernetes":
      return new KubernetesAuth({ clock, tokens, review, product, release });
    default:
      throw badRequest(`plugin not found in the catalog: ${type}`);
  }
}
