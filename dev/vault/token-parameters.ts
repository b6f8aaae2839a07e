import type { Data } from "./answer.js";
import { flag, list, seconds, text, whole } from "./fields.js";
import type { NewToken } from "./token-store.js";

/** What every auth method's role says about the tokens it gives. Seconds. */
export interface TokenParameters {
  readonly ttl: number;
  readonly maxTtl: number;
  readonly explicitMaxTtl: number;
  readonly period: number;
  readonly numUses: number;
  readonly policies: readonly string[];
  readonly noDefaultPolicy: boolean;
  readonly type: string;
  readonly boundCidrs: readonly string[];
}

/** Under their names, or the older ones of roles without `token_` (`policies`, `ttl`), which Vault still takes. */
export function readTokenParameters(given: Data): TokenParameters {
  const older = ["policies", "ttl", "max_ttl", "period", "num_uses"].filter((name) => name in given);
  const body = { ...Object.fromEntries(older.map((name) => [`token_${name}`, given[name]])), ...given };
  return {
    ttl: seconds(body, "token_ttl"),
    maxTtl: seconds(body, "token_max_ttl"),
    explicitMaxTtl: seconds(body, "token_explicit_max_ttl"),
    period: seconds(body, "token_period"),
    numUses: whole(body, "token_num_uses"),
    policies: list(body, "token_policies"),
    noDefaultPolicy: flag(body, "token_no_default_policy"),
    type: text(body, "token_type") || "default",
    boundCidrs: list(body, "token_bound_cidrs"),
  };
}

export function describeTokenParameters(parameters: TokenParameters): Data {
  return {
    token_bound_cidrs: parameters.boundCidrs,
    token_explicit_max_ttl: parameters.explicitMaxTtl,
    token_max_ttl: parameters.maxTtl,
    token_no_default_policy: parameters.noDefaultPolicy,
    token_num_uses: parameters.numUses,
    token_period: parameters.period,
    token_policies: parameters.policies,
    token_ttl: parameters.ttl,
    token_type: parameters.type,
  };
}

/** The part of a token's options that a role decides. */
export function tokenOptionsOf(
  parameters: TokenParameters,
): Pick<NewToken, "policies" | "limits" | "type" | "numUses" | "boundCidrs"> {
  const { ttl, maxTtl, explicitMaxTtl, period, numUses, boundCidrs } = parameters;
  return {
    policies: parameters.noDefaultPolicy ? parameters.policies : [...parameters.policies, "default"],
    limits: { ttl, maxTtl, period, explicitMaxTtl },
    type: parameters.type === "batch" ? "batch" : "service",
    numUses,
    boundCidrs,
  };
}

/** The mount's path without `auth/`, slashes as dashes: what Vault puts before a display name. */
export function displayPrefix(mount: string): string {
  return mount
    .replace(/^auth\//, "")
    .replace(/\/$/, "")
    .replace(/\//g, "-");
}
