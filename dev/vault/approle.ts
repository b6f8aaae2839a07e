import { type Answer, badRequest, Refusal } from "./answer.js";
import type { Engine, EngineRequest } from "./engine.js";
import { text } from "./fields.js";
import type { Product } from "./product.js";
import { Routes } from "./routes.js";

/** What a login without a role's id is told: both products fail before the method is asked, by its alias. */
const withoutRoleId: Record<Product, string> = {
  vault: "failed to determine alias name from login request",
  openbao: "missing role_id",
};

/** Auth method `approle`, which has no roles: what a service account's login at the wrong mount is told. */
export class ApproleAuth implements Engine {
  readonly type = "approle";
  readonly #product: Product;
  readonly #routes = new Routes().on("login", { update: (request) => this.#login(request) });

  constructor(product: Product) {
    this.#product = product;
  }

  isPublic(path: string): boolean {
    return path === "login";
  }

  handle(request: EngineRequest): Answer | Promise<Answer> {
    return this.#routes.handle(request);
  }

  #login({ body }: EngineRequest): Answer {
    if (text(body, "role_id").trim() === "") throw new Refusal(500, [withoutRoleId[this.#product]]);
    throw badRequest("invalid role or secret ID");
  }
}
