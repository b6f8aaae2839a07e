import type { Clock } from "../../src/shared/clock.js";
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
import type { Engine, EngineRequest } from "./engine.js";
import type { EngineParts } from "./engines.js";
import { flag, list, text } from "./fields.js";
import { toSeconds } from "./go-time.js";
import { uuidOf } from "./identifiers.js";
import { parseJsonWebToken, validateClaims } from "./json-web-token.js";
import { listBelow } from "./key-tree.js";
import type { Product } from "./product.js";
import type { Release } from "./release.js";
import { Routes } from "./routes.js";
import type { TokenReview } from "./service-account-issuer.js";
import {
  describeTokenParameters,
  displayPrefix,
  readTokenParameters,
  type TokenParameters,
  tokenOptionsOf,
} from "./token-parameters.js";
import type { TokenStore } from "./token-store.js";

/** The API server's judgement of a token. Throws when it cannot be had. */
export type TokenReviewer = (jwt: string, audiences: readonly string[]) => TokenReview;

interface Role {
  readonly accounts: readonly string[];
  readonly namespaces: readonly string[];
  readonly audience: string;
  readonly aliasSource: string;
  readonly token: TokenParameters;
}

interface Account {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
}

/** Where the products' methods part. OpenBao's is builtin/credential/kubernetes. */
const ways: Record<Product, { warnsOfNoAudience: boolean; needsCaWithoutLocal: boolean }> = {
  vault: { warnsOfNoAudience: true, needsCaWithoutLocal: false },
  openbao: { warnsOfNoAudience: false, needsCaWithoutLocal: true },
};

/** Auth method `kubernetes`. Its `kubernetes_host` is kept and shown; the reviewer is the one given here. */
export class KubernetesAuth implements Engine {
  readonly type = "kubernetes";
  readonly #clock: Clock;
  readonly #tokens: TokenStore;
  readonly #review: TokenReviewer;
  readonly #product: Product;
  readonly #release: Release;
  readonly #roles = new Map<string, Role>();
  #config: Data | undefined;
  readonly #routes = new Routes()
    .on("config", { read: () => this.#readConfig(), update: ({ body }) => this.#configure(body) })
    .on("role", { list: () => listBelow(this.#roles.keys(), "") })
    .on("role/:name", {
      read: (_, name) => ({ data: describeRole(this.#roles.get(name)) }),
      update: ({ body }, name) => this.#writeRole(name, body),
      delete: (_, name) => (this.#roles.delete(name), nothing),
    })
    .on("login", { update: (request) => this.#login(request) });

  constructor({ clock, tokens, review, product, release }: Omit<EngineParts, "leases">) {
    this.#clock = clock;
    this.#tokens = tokens;
    this.#review = review;
    this.#product = product;
    this.#release = release;
  }

  isPublic(path: string): boolean {
    return path === "login";
  }

  handle(request: EngineRequest): Answer | Promise<Answer> {
    return this.#routes.handle(request);
  }

  #configure(body: Data): Answer {
    if (
      ways[this.#product].needsCaWithoutLocal &&
      flag(body, "disable_local_ca_jwt") &&
      text(body, "kubernetes_ca_cert") === ""
    ) {
      throw badRequest("kubernetes_ca_cert must be given when disable_local_ca_jwt is true");
    }
    this.#config = {
      disable_iss_validation: true,
      disable_local_ca_jwt: flag(body, "disable_local_ca_jwt"),
      issuer: text(body, "issuer"),
      kubernetes_ca_cert: text(body, "kubernetes_ca_cert"),
      kubernetes_host: text(body, "kubernetes_host"),
      pem_keys: list(body, "pem_keys"),
      token_reviewer_jwt_set: text(body, "token_reviewer_jwt") !== "",
      use_annotations_as_alias_metadata: flag(body, "use_annotations_as_alias_metadata"),
    };
    return nothing;
  }

  #readConfig(): Answer {
    if (!this.#config) throw missing();
    return { data: this.#config };
  }

  #writeRole(name: string, body: Data): Answer {
    const role = readRole(body);
    this.#roles.set(name, role);
    if (role.audience !== "" || !ways[this.#product].warnsOfNoAudience) return nothing;
    const advice =
      "While audiences are not required, consider specifying one if your use case would benefit from additional JWT claim verification.";
    return { data: null, warnings: [`Role ${name} does not have an audience configured. ${advice}`] };
  }

  #login({ body, mount, namespace }: EngineRequest): Answer {
    const name = text(body, "role");
    if (name === "") throw badRequest("missing role");
    const jwt = text(body, "jwt");
    if (jwt === "") throw badRequest("missing jwt");
    const role = this.#roles.get(name);
    if (!role) throw badRequest(`invalid role name "${name}"`);
    this.#tokens.demandAddressIn(role.token.boundCidrs);
    if (!this.#config) throw new Refusal(500, ["could not load backend configuration"]);
    const account = this.#recognised(jwt, role);
    const metadata = {
      service_account_name: account.name,
      service_account_namespace: account.namespace,
      service_account_secret_name: "",
      service_account_uid: account.uid,
    };
    const { token, warnings } = this.#tokens.create({
      ...tokenOptionsOf(role.token),
      meta: { role: name, ...metadata },
      alias: {
        accessor: namespace.mounts.at(mount)!.accessor,
        name: role.aliasSource === "serviceaccount_name" ? `${account.namespace}/${account.name}` : account.uid,
        metadata,
      },
      displayName: `${displayPrefix(mount)}-${account.namespace}-${account.name}`,
      namespace,
      path: `${mount}login`,
      entityId: uuidOf(`${mount}${account.uid}`),
      orphan: true,
      ...(this.#release.renewalReviewsLogin && { checkRenewal: () => this.#checkRenewal(jwt, role, account) }),
    });
    return { data: null, auth: this.#tokens.grant(token), warnings, mountType: "" };
  }

  /** As keymount expects a release to answer that has not been run; by its advisory. */
  #checkRenewal(jwt: string, role: Role, account: Account): void {
    if (this.#confirms(jwt, role.audience === "" ? [] : [role.audience], account)) return;
    throw new Refusal(403, [manyErrors("failed to renew entry: permission denied")]);
  }

  /** Who the token says it is, once the role allows it and the API server confirms it. */
  #recognised(jwt: string, role: Role): Account {
    const claims = claimsOf(jwt);
    const account = accountOf(claims);
    if (!allows(role.accounts, account.name)) throw new Refusal(403, ["service account name not authorized"]);
    if (!allows(role.namespaces, account.namespace)) throw new Refusal(403, ["namespace not authorized"]);
    const audiences = role.audience === "" ? [] : [role.audience];
    try {
      validateClaims(claims, audiences, toSeconds(this.#clock.wall()));
    } catch (error) {
      throw new Refusal(403, [(error as Error).message]);
    }
    if (!this.#confirms(jwt, audiences, account)) throw permissionDenied();
    return account;
  }

  #confirms(jwt: string, audiences: readonly string[], account: Account): boolean {
    try {
      const review = this.#review(jwt, audiences);
      const username = `system:serviceaccount:${account.namespace}:${account.name}`;
      return review.authenticated && review.username === username && review.uid === account.uid;
    } catch {
      // Vault tells a client nothing of its own trouble with the API server.
      return false;
    }
  }
}

function claimsOf(jwt: string): Data {
  try {
    return parseJsonWebToken(jwt).claims;
  } catch {
    throw permissionDenied();
  }
}

function accountOf(claims: Data): Account {
  const found = claims["kubernetes.io"] as
    | { namespace?: string; serviceaccount?: { name?: string; uid?: string } }
    | undefined;
  return {
    name: found?.serviceaccount?.name ?? "",
    namespace: found?.namespace ?? "",
    uid: found?.serviceaccount?.uid ?? "",
  };
}

/** Names, or globs with `*`, which cover no empty name. */
function allows(patterns: readonly string[], name: string): boolean {
  return (
    name !== "" &&
    patterns.some((pattern) => {
      const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
      return new RegExp(`^${parts.join(".*")}$`).test(name);
    })
  );
}

function readRole(body: Data): Role {
  const role = {
    accounts: list(body, "bound_service_account_names"),
    namespaces: list(body, "bound_service_account_namespaces"),
    audience: text(body, "audience"),
    aliasSource: text(body, "alias_name_source") || "serviceaccount_uid",
    token: readTokenParameters(body),
  };
  if (role.accounts.length === 0) throw badRequest('"bound_service_account_names" can not be empty');
  if (role.namespaces.length === 0) {
    throw badRequest(
      '"bound_service_account_namespaces" can not be empty if "bound_service_account_namespace_selector" is not set',
    );
  }
  return role;
}

function describeRole(role: Role | undefined): Data {
  if (!role) throw missing();
  return {
    alias_name_source: role.aliasSource,
    audience: role.audience,
    bound_service_account_names: role.accounts,
    bound_service_account_namespace_selector: "",
    bound_service_account_namespaces: role.namespaces,
    ...describeTokenParameters(role.token),
  };
}
