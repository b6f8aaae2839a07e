import { type Answer, manyErrors, Refusal } from "./answer.js";
import type { EngineRequest, Operation } from "./engine.js";

type Handler = (request: EngineRequest, ...parts: string[]) => Answer | Promise<Answer>;

interface Route {
  readonly pattern: RegExp;
  readonly handlers: Partial<Record<Operation, Handler>>;
}

/** An engine's paths, each with what it does per operation. */
export class Routes {
  readonly #routes: Route[] = [];

  /** `:part` stands for a name without a slash, `*part` for the rest; both are handed to the handler in order. */
  on(path: string, handlers: Partial<Record<Operation, Handler>>): this {
    const pattern = path.replace(/[:*]\w+/g, (part) => (part.startsWith(":") ? "([^/]+)" : "(.+)"));
    this.#routes.push({ pattern: new RegExp(`^${pattern}$`), handlers });
    return this;
  }

  handle(request: EngineRequest): Answer | Promise<Answer> {
    const isList = request.operation === "list" || request.operation === "scan";
    const path = isList ? request.path.replace(/\/$/, "") : request.path;
    let known = false;
    for (const { pattern, handlers } of this.#routes) {
      const match = pattern.exec(path);
      const handler = match && handlers[request.operation];
      if (handler) return handler(request, ...match.slice(1));
      known ||= match !== null;
    }
    const error = `unsupported ${known ? "operation" : "path"}`;
    throw new Refusal(known ? 405 : 404, [request.open ? error : manyErrors(error)]);
  }
}
