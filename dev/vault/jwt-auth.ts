import type { KeyObject } from "node:crypto";
import type { Clock } from "../../src/shared/clock.js";
import { type Answer, badRequest, type Data, missing, nothing } from "./answer.js";
import type { Engine, EngineRequest } from "./engine.js";
import { flag, list, text } from "./fields.js";
import { toSeconds } from "./go-time.js";
import { uuidOf } from "./identifiers.js";
import { isSignedBy, parseJsonWebToken, readPublicKey, validateClaims } from "./json-web-token.js";
import { listBelow } from "./key-tree.js";
import { type CelProgram, readCelProgram } from "./cel-program.js";
import type { Product } from "./product.js";
import { Routes } from "./routes.js";
import {
  describeTokenParameters,
  displayPrefix,
  readTokenParameters,
  type TokenParameters,
  tokenOptionsOf,
} from "./token-parameters.js";
import type { TokenStore } from "./token-store.js";

interface Role {
  readonly audiences: readonly string[];
  readonly subject: string;
  readonly claims: Data;
  readonly mappings: Readonly<Record<string, string>>;
  readonly userClaim: string;
  readonly userClaimIsPointer: boolean;
  readonly token: TokenParameters;
}

/** OpenBao's: what it looks at is its program's, which gives the token's policies. */
interface CelRole {
  readonly audiences: readonly string[];
  readonly program: CelProgram;
}

/** Whose method knows roles with a program, below `cel/` (OpenBao's builtin/credential/jwt/path_cel_login.go). */
const hasPrograms: Record<Product, boolean> = { vault: false, openbao: true };

/** Auth method `jwt`, with keys given in its configuration. */
export class JwtAuth implements Engine {
  readonly type = "jwt";
  readonly #clock: Clock;
  readonly #tokens: TokenStore;
  readonly #publicPaths: readonly string[];
  readonly #roles = new Map<string, Role>();
  readonly #celRoles = new Map<string, CelRole>();
  #config: { pems: string[]; keys: KeyObject[]; defaultRole: string; issuer: string } | undefined;
  readonly #routes = new Routes()
    .on("config", { read: () => this.#readConfig(), update: ({ body }) => this.#configure(body) })
    .on("role", { list: () => listBelow(this.#roles.keys(), "") })
    .on("role/:name", {
      read: (_, name) => ({ data: describeRole(this.#roles.get(name)) }),
      update: ({ body }, name) => (this.#roles.set(name, readRole(body)), nothing),
      delete: (_, name) => (this.#roles.delete(name), nothing),
    })
    .on("login", { update: (request) => this.#login(request) });

  constructor(clock: Clock, tokens: TokenStore, product: Product) {
    this.#clock = clock;
    this.#tokens = tokens;
    this.#publicPaths = hasPrograms[product] ? ["login", "cel/login"] : ["login"];
    if (!hasPrograms[product]) return;
    this.#routes
      .on("cel/role/:name", {
        update: ({ body }, name) => {
          const program = readCelProgram((body["cel_program"] ?? {}) as Data);
          this.#celRoles.set(name, { audiences: list(body, "bound_audiences"), program });
          return { data: { name, ...body } };
        },
      })
      .on("cel/login", { update: (request) => this.#logInByProgram(request) });
  }

  isPublic(path: string): boolean {
    return this.#publicPaths.includes(path);
  }

  handle(request: EngineRequest): Answer | Promise<Answer> {
    return this.#routes.handle(request);
  }

  #configure(body: Data): Answer {
    const pems = list(body, "jwt_validation_pubkeys").map((pem) => pem.trim());
    if (pems.length === 0) throw badRequest("the embedded Vault checks tokens by jwt_validation_pubkeys only");
    const keys = pems.map(readPublicKey);
    this.#config = { pems, keys, defaultRole: text(body, "default_role"), issuer: text(body, "bound_issuer") };
    return nothing;
  }

  #readConfig(): Answer {
    if (!this.#config) throw missing();
    const { pems, issuer, defaultRole } = this.#config;
    return { data: { ...emptyConfig, bound_issuer: issuer, default_role: defaultRole, jwt_validation_pubkeys: pems } };
  }

  /** What a login brings, and the role of that kind that it names. */
  #asked<R>(body: Data, roles: ReadonlyMap<string, R>): { name: string; role: R; jwt: string } {
    if (!this.#config) throw badRequest("could not load configuration");
    const name = text(body, "role") || this.#config.defaultRole;
    if (name === "") throw badRequest("missing role");
    const role = roles.get(name);
    if (!role) throw badRequest(`role "${name}" could not be found`);
    const jwt = text(body, "jwt");
    if (jwt === "") throw badRequest("missing token");
    return { name, role, jwt };
  }

  #logInByProgram({ body, mount, namespace }: EngineRequest): Answer {
    const { name, role, jwt } = this.#asked(body, this.#celRoles);
    this.#validated(jwt, { audiences: role.audiences, subject: "", claims: {} });
    const { program } = role;
    if ("blocked" in program) {
      throw badRequest(`error executing cel program: Cel role '${name}' blocked authorization with ${program.blocked}`);
    }
    const { token, warnings } = this.#tokens.create({
      policies: [...program.policies, "default"],
      limits: { ttl: 0, maxTtl: 0 },
      displayName: displayPrefix(mount),
      namespace,
      path: `${mount}cel/login`,
      orphan: true,
    });
    return { data: null, auth: this.#tokens.grant(token), warnings, mountType: "" };
  }

  #login({ body, mount, namespace }: EngineRequest): Answer {
    const { name, role, jwt } = this.#asked(body, this.#roles);
    this.#tokens.demandAddressIn(role.token.boundCidrs);
    const claims = this.#validated(jwt, role);
    const metadata = { ...mapped(claims, role.mappings), role: name };
    const user = claimAt(claims, role.userClaim, role.userClaimIsPointer);
    if (typeof user !== "string") throw badRequest(`claim "${role.userClaim}" not found in token`);
    const { token, warnings } = this.#tokens.create({
      ...tokenOptionsOf(role.token),
      meta: metadata,
      alias: { accessor: namespace.mounts.at(mount)!.accessor, name: user, metadata },
      displayName: `${displayPrefix(mount)}-${user}`,
      namespace,
      path: `${mount}login`,
      entityId: uuidOf(`${mount}${user}`),
      orphan: true,
    });
    return { data: null, auth: this.#tokens.grant(token), warnings, mountType: "" };
  }

  /** The token's claims, once everything the role asks of them holds. */
  #validated(jwt: string, role: Pick<Role, "audiences" | "subject" | "claims">): Data {
    const { keys, issuer } = this.#config!;
    try {
      const claims = verified(jwt, keys);
      if (issuer !== "" && claims["iss"] !== issuer) throw new Error("invalid issuer (iss) claim");
      if (role.subject !== "" && claims["sub"] !== role.subject) throw new Error("invalid subject (sub) claim");
      validateClaims(claims, role.audiences, toSeconds(this.#clock.wall()));
      checkBoundClaims(claims, role.claims);
      return claims;
    } catch (error) {
      if (error instanceof BoundClaimError) throw badRequest(`error validating claims: ${error.message}`);
      throw badRequest(`error validating token: ${(error as Error).message}`);
    }
  }
}

class BoundClaimError extends Error {}

function verified(jwt: string, keys: readonly KeyObject[]): Data {
  try {
    const token = parseJsonWebToken(jwt);
    if (isSignedBy(token, keys)) return token.claims;
    throw new Error("no known key successfully validated the token signature");
  } catch (error) {
    throw new Error(`error verifying token signature: ${(error as Error).message}`, { cause: error });
  }
}

function checkBoundClaims(claims: Data, bound: Data): void {
  for (const [name, wanted] of Object.entries(bound)) {
    const found = claimAt(claims, name, name.startsWith("/"));
    if (found === undefined) throw new BoundClaimError(`claim "${name}" is missing`);
    const [allowed, held] = [wanted, found].map((value) => (Array.isArray(value) ? value : [value]).map(String));
    if (!held!.some((value) => allowed!.includes(value))) {
      throw new BoundClaimError(`claim "${name}" does not match any associated bound claim values`);
    }
  }
}

function mapped(claims: Data, mappings: Readonly<Record<string, string>>): Record<string, string> {
  const found = Object.entries(mappings).map(([claim, name]) => [name, claimAt(claims, claim, claim.startsWith("/"))]);
  return Object.fromEntries(found.filter(([, value]) => typeof value === "string")) as Record<string, string>;
}

/** A claim by its name, or by a JSON Pointer. */
function claimAt(claims: Data, name: string, pointer: boolean): unknown {
  if (!pointer) return claims[name];
  const steps = name.split("/").slice(1);
  return steps.reduce<unknown>((at, step) => (at as Data | undefined)?.[step.replace(/~1/g, "/")], claims);
}

function readRole(body: Data): Role {
  const role = {
    audiences: list(body, "bound_audiences"),
    subject: text(body, "bound_subject"),
    claims: (body["bound_claims"] ?? {}) as Data,
    mappings: (body["claim_mappings"] ?? {}) as Record<string, string>,
    userClaim: text(body, "user_claim"),
    userClaimIsPointer: flag(body, "user_claim_json_pointer"),
    token: readTokenParameters(body),
  };
  if (role.userClaim === "") throw badRequest("a user claim must be defined on the role");
  const bound = role.audiences.length > 0 || role.subject !== "" || Object.keys(role.claims).length > 0;
  if (!bound && role.token.boundCidrs.length === 0) {
    throw badRequest("must have at least one bound constraint when creating/updating a role");
  }
  return role;
}

function describeRole(role: Role | undefined): Data {
  if (!role) throw missing();
  return {
    allowed_redirect_uris: null,
    bound_audiences: role.audiences,
    bound_claims: Object.keys(role.claims).length > 0 ? role.claims : null,
    bound_claims_type: "string",
    bound_subject: role.subject,
    claim_mappings: Object.keys(role.mappings).length > 0 ? role.mappings : null,
    clock_skew_leeway: 0,
    expiration_leeway: 0,
    groups_claim: "",
    max_age: 0,
    not_before_leeway: 0,
    oidc_scopes: null,
    role_type: "jwt",
    user_claim: role.userClaim,
    user_claim_json_pointer: role.userClaimIsPointer,
    verbose_oidc_logging: false,
    ...describeTokenParameters(role.token),
  };
}

const emptyConfig = {
  jwks_ca_pem: "",
  jwks_pairs: [],
  jwks_url: "",
  jwt_supported_algs: [],
  namespace_in_state: true,
  oidc_client_id: "",
  oidc_discovery_ca_pem: "",
  oidc_discovery_url: "",
  oidc_response_mode: "",
  oidc_response_types: [],
  provider_config: {},
  unsupported_critical_cert_extensions: [],
};
