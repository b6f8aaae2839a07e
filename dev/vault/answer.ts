import type { Product } from "./product.js";

export type Data = Record<string, unknown>;

/** What an engine answers, before it is put into Vault's envelope. */
export interface Answer {
  /** 200 unless said otherwise; 204 has no body. */
  readonly status?: number;
  readonly data?: Data | null;
  readonly lease?: { readonly id: string; readonly renewable: boolean; readonly seconds: number };
  /** The grant of a login or a token renewal, in Vault's order of fields. */
  readonly auth?: Data;
  readonly warnings?: readonly string[];
  /** The kind of engine, unless the door is to fill it in. */
  readonly mountType?: string;
  /** Fields that stand beside the envelope's own, as `sys/mounts` has them. */
  readonly beside?: Data;
  /** The whole body, without an envelope: objects as JSON, text as it is. */
  readonly bare?: { readonly contentType: string; readonly body: Data | string };
}

export const nothing: Answer = { status: 204 };

/** A refusal, with the body Vault gives it: `{"errors":[…]}`. */
export class Refusal extends Error {
  readonly status: number;
  readonly errors: readonly string[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, errors: readonly string[], headers: Readonly<Record<string, string>> = {}) {
    super(errors.join("; "));
    this.status = status;
    this.errors = errors;
    this.headers = headers;
  }
}

/** Go's multierror, which Vault wraps around most of its own errors. */
export function manyErrors(...errors: readonly string[]): string {
  const count = errors.length === 1 ? "1 error" : `${errors.length} errors`;
  return `${count} occurred:\n${errors.map((error) => `\t* ${error}\n`).join("")}\n`;
}

export const missing = () => new Refusal(404, []);
export const badRequest = (error: string) => new Refusal(400, [error]);
export const permissionDenied = () => new Refusal(403, ["permission denied"]);
export const notAllowed = () => new Refusal(403, [manyErrors("permission denied")]);

/** What a token that is not known, or no longer, is told: OpenBao does not count it as an error among others. */
const unknownToken: Record<Product, string> = {
  vault: manyErrors("permission denied", "invalid token"),
  openbao: "permission denied",
};

export const invalidToken = (product: Product) => new Refusal(403, [unknownToken[product]]);
