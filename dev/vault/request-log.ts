import type { Data } from "./answer.js";

/** One request as the audit log tells it; unlike Vault's, nothing is hashed. */
export interface LoggedRequest {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly method: string;
  /** Without `/v1/` and the query. */
  readonly path: string;
  readonly query: string;
  readonly namespace: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  body: Data;
  /** Who asked; absent without a valid token. */
  token?: { readonly accessor: string; readonly meta: Readonly<Record<string, string>> | null };
  /** Absent until answered. */
  status?: number;
}

/** The newest requests, enough for any test and no more than a long-lived `dev` can afford. */
export class RequestLog {
  readonly #limit = 10_000;
  #entries: LoggedRequest[] = [];

  add(entry: LoggedRequest): void {
    this.#entries.push(entry);
    if (this.#entries.length > 2 * this.#limit) this.#entries = this.#entries.slice(-this.#limit);
  }

  get all(): readonly LoggedRequest[] {
    return this.#entries;
  }

  /** Those whose path matches, of one method if given (LIST for a GET with `list=true`). */
  to(path: string | RegExp, method?: string): LoggedRequest[] {
    const fits = (entry: LoggedRequest) => (typeof path === "string" ? entry.path === path : path.test(entry.path));
    return this.#entries.filter((entry) => fits(entry) && (method === undefined || entry.method === method));
  }

  clear(): void {
    this.#entries = [];
  }
}
