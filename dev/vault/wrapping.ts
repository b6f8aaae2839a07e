import type { Clock } from "../../src/shared/clock.js";
import { type Answer, badRequest, type Data } from "./answer.js";
import { goTime } from "./go-time.js";
import type { Namespace } from "./namespaces.js";
import type { Token, TokenStore } from "./token-store.js";

interface Wrapped {
  readonly answer: Answer;
  readonly path: string;
  readonly ttl: number;
  readonly madeAt: number;
}

/** Response wrapping: an answer kept behind a token that opens it once. */
export class Wrapping {
  readonly #clock: Clock;
  readonly #tokens: TokenStore;
  readonly #kept = new Map<string, Wrapped>();

  constructor(clock: Clock, tokens: TokenStore) {
    this.#clock = clock;
    this.#tokens = tokens;
  }

  /** Puts an answer away for `ttl` seconds; gives the `wrap_info` that stands in its place. */
  wrap(answer: Answer, path: string, ttl: number, namespace: Namespace): Data {
    const { token } = this.#tokens.create({
      policies: ["response-wrapping"],
      displayName: "",
      namespace,
      path: "",
      limits: { ttl, maxTtl: 0, explicitMaxTtl: ttl },
      orphan: true,
      renewable: false,
      numUses: 1,
    });
    const madeAt = this.#clock.wall();
    this.#kept.set(token.id, { answer, path, ttl, madeAt });
    return {
      token: token.id,
      accessor: token.accessor,
      ttl,
      creation_time: goTime(madeAt),
      creation_path: path,
    };
  }

  isWrapping(token: Token): boolean {
    return this.#kept.has(token.id);
  }

  unwrap(id: string): Answer {
    const { token, wrapped } = this.#find(id);
    this.#tokens.revoke(token);
    return wrapped.answer;
  }

  lookup(id: string): Answer {
    const { path, ttl, madeAt } = this.#find(id).wrapped;
    return { data: { creation_path: path, creation_time: goTime(madeAt), creation_ttl: ttl } };
  }

  /** The wrapping token is dead: what it held goes. */
  forget(token: Token): void {
    this.#kept.delete(token.id);
  }

  #find(id: string): { token: Token; wrapped: Wrapped } {
    const token = this.#tokens.find(id);
    const wrapped = token && this.#kept.get(id);
    if (!wrapped) throw badRequest("wrapping token is not valid or does not exist");
    return { token, wrapped };
  }
}
