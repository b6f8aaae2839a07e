import { cutText, escapeUnprintableInLines } from "./shown-text.js";

/** What can go wrong with a request, in words of our domain. `rpc/status.ts` alone knows the wire's numbers. */
export type ErrorCode =
  | "invalid_request"
  | "unauthenticated"
  | "permission_denied"
  | "not_found"
  | "unavailable"
  | "limit_exceeded"
  | "deadline_exceeded"
  | "cancelled"
  | "internal";

/** Bytes; longer texts are not read, and would fill the log. */
const longestMessage = 8_192;

/**
 * The one error of keymount. Its message is written by us for the person who reads the pod's events: it names the
 * object, the field and the fix, and never holds a token, a value or a stranger's text. Names that a stranger gave cannot
 * act on a terminal, and it is bounded. The cause is for the log.
 */
export class ProviderError extends Error {
  override readonly name: string = "ProviderError";
  readonly code: ErrorCode;

  /**
   * Errors are kept, to be told again until a request may be tried again, and V8 keeps with each what the functions on its
   * stack refer to: a Mount's secrets. So only a fault of our own has a stack.
   */
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    const { stackTraceLimit } = Error;
    if (code !== "internal") Error.stackTraceLimit = 0;
    super(cutText(escapeUnprintableInLines(message), longestMessage), options);
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
  }

  /** Anything caught becomes a ProviderError; what is not ours keeps its text to itself. */
  static from(reason: unknown): ProviderError {
    if (reason instanceof ProviderError) return reason;
    if (reason instanceof Error && reason.name === "TimeoutError") {
      return new ProviderError("deadline_exceeded", "the operation timed out", { cause: reason });
    }
    if (reason instanceof Error && reason.name === "AbortError") {
      return reason.cause instanceof ProviderError
        ? reason.cause
        : new ProviderError("cancelled", "the operation was cancelled", { cause: reason });
    }
    return new ProviderError("internal", "internal error", { cause: reason });
  }
}
