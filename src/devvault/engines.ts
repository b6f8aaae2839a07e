import type { Clock } from "../shared/clock.js";
import { badRequest, type Data } from "./answer.js";
import type { Engine } from "./engine.js";
import { text } from "./fields.js";
import { JwtAuth } from "./jwt-auth.js";
import { KubernetesAuth, type TokenReviewer } from "./kubernetes-auth.js";
import { KvV1 } from "./kv-v1.js";
import { KvV2 } from "./kv-v2.js";
import type { LeaseStore } from "./lease-store.js";
import type { TokenStore } from "./token-store.js";

/** What engines are made of. */
export interface EngineParts {
  readonly clock: Clock;
  readonly tokens: TokenStore;
  readonly leases: LeaseStore;
  readonly review: TokenReviewer;
}

export function makeSecretsEngine(type: string, options: Data, parts: EngineParts): Engine {
  switch (type) {
    case "kv":
      return text(options, "version") === "2" ? new KvV2(parts.clock) : new KvV1();
    case "kv-v2":
      return new KvV2(parts.clock);
    default:
      throw badRequest(`plugin not found in the catalog: ${type}`);
  }
}

export function makeAuthMethod(type: string, { clock, tokens, review }: EngineParts): Engine {
  switch (type) {
    case "jwt":
      return new JwtAuth(clock, tokens);
    case "kubernetes":
      return new KubernetesAuth(clock, tokens, review);
    default:
      throw badRequest(`plugin not found in the catalog: ${type}`);
  }
}
