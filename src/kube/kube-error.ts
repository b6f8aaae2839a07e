import { type ErrorCode, ProviderError } from "../shared/errors.js";

/** What the API server refused, in our words; never its body. */
export class KubeError extends ProviderError {
  override readonly name = "KubeError";
  /** The HTTP status. */
  readonly status: number;
  /** `reason` of the Status object: `AlreadyExists`, `Forbidden`, …; empty where there was none. */
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(codeOf(status), message);
    this.status = status;
    this.reason = reason;
  }
}

/** RBAC refuses it. */
export function isForbidden(error: unknown): boolean {
  return error instanceof KubeError && error.status === 403;
}

/** An answer, or a line of one, of more bytes than are read. */
export class AnswerTooLong extends ProviderError {
  override readonly name = "AnswerTooLong";

  constructor(purpose: string, what: string, maxBytes: number) {
    super("unavailable", `${purpose}: ${what} has more than ${maxBytes} bytes`);
  }
}

function codeOf(status: number): ErrorCode {
  if (status === 403) return "permission_denied";
  if (status === 404) return "not_found";
  return status >= 500 || status === 429 || status === 401 || status === 409 ? "unavailable" : "invalid_request";
}
