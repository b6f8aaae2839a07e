import { type Answer, badRequest, type Data, manyErrors, nothing, Refusal } from "./answer.js";
import type { Engine, EngineRequest } from "./engine.js";
import { flag, list, seconds, text, whole } from "./fields.js";
import { Routes } from "./routes.js";
import type { Token, TokenStore } from "./token-store.js";

/** Auth method `token`: the paths below `auth/token/`. */
export class TokenAuth implements Engine {
  readonly type = "token";
  readonly #tokens: TokenStore;
  /** The networks of the tokens of each role. */
  readonly #roles = new Map<string, readonly string[]>();
  readonly #routes = new Routes()
    .on("create", { update: (request) => this.#create(request) })
    .on("create/:role", { update: (request, role) => this.#create(request, false, this.#roles.get(role)) })
    .on("roles/:name", {
      update: ({ body }, name) => (this.#roles.set(name, list(body, "token_bound_cidrs")), nothing),
    })
    .on("create-orphan", { update: (request) => this.#create(request, true) })
    .on("lookup-self", { read: ({ token }) => ({ data: this.#tokens.describe(token!) }) })
    .on("lookup", { update: ({ body, token }) => ({ data: this.#tokens.describe(this.#named(body, token!)) }) })
    .on("lookup-accessor", { update: ({ body }) => ({ data: this.#tokens.describe(this.#holder(body), "") }) })
    .on("accessors", { list: () => ({ data: { keys: this.#accessors() } }) })
    .on("renew-self", { update: ({ body, token }) => this.#renew(token!, body) })
    .on("renew", { update: ({ body, token }) => this.#renew(this.#named(body, token!), body) })
    .on("revoke-self", { update: ({ token }) => this.#revoke(token) })
    .on("revoke", { update: ({ body }) => this.#revoke(this.#tokens.find(text(body, "token"))) })
    .on("revoke-accessor", { update: ({ body }) => this.#revoke(this.#holder(body)) });

  constructor(tokens: TokenStore) {
    this.#tokens = tokens;
  }

  handle(request: EngineRequest): Answer | Promise<Answer> {
    return this.#routes.handle(request);
  }

  #create(
    { body, namespace, token: parent }: EngineRequest,
    orphan = false,
    boundCidrs: readonly string[] = [],
  ): Answer {
    const isRoot = parent!.policies.includes("root");
    const asked = list(body, "policies");
    const policies = asked.length > 0 ? asked : parent!.policies;
    const known = [...parent!.policies, "default"];
    if (!isRoot && !policies.every((name) => known.includes(name))) {
      throw badRequest("child policies must be subset of parent");
    }
    const noDefault = flag(body, "no_default_policy") || policies.includes("root");
    const ttl = seconds(body, "ttl");
    const { token, warnings } = this.#tokens.create({
      ...(isRoot && text(body, "id") !== "" && { id: text(body, "id") }),
      policies: noDefault ? policies : [...policies, "default"],
      displayName: ["token", text(body, "display_name")]
        .filter(Boolean)
        .join("-")
        .replace(/[^\w-]/g, "-"),
      namespace,
      path: "auth/token/create",
      limits: {
        ttl,
        maxTtl: 0,
        period: seconds(body, "period"),
        explicitMaxTtl: seconds(body, "explicit_max_ttl"),
      },
      type: text(body, "type") === "batch" ? "batch" : "service",
      meta: (body["meta"] as Record<string, string> | undefined) ?? null,
      orphan: orphan || flag(body, "no_parent"),
      renewable: flag(body, "renewable", true),
      numUses: whole(body, "num_uses"),
      parent: parent!,
      boundCidrs,
      eternal: policies.includes("root") && ttl === 0,
    });
    return { data: null, auth: this.#tokens.grant(token), warnings };
  }

  #renew(token: Token, body: Data): Answer {
    const warnings = this.#tokens.renew(token, seconds(body, "increment"));
    return { data: null, auth: this.#tokens.grant(token), warnings };
  }

  #revoke(token: Token | undefined): Answer {
    if (token?.type === "batch") throw badRequest("batch tokens cannot be revoked");
    if (token) this.#tokens.revoke(token);
    return nothing;
  }

  #named(body: Data, self: Token): Token {
    const id = text(body, "token");
    const token = id === "" ? self : this.#tokens.find(id);
    if (!token) throw new Refusal(403, ["bad token"]);
    return token;
  }

  #holder(body: Data): Token {
    const token = this.#tokens.findByAccessor(text(body, "accessor"));
    if (!token) throw badRequest(manyErrors("invalid accessor"));
    return token;
  }

  #accessors(): string[] {
    return this.#tokens
      .all()
      .map((token) => token.accessor)
      .filter((accessor) => accessor !== "");
  }
}
