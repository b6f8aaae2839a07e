import { status } from "@grpc/grpc-js";
import type { ErrorCode, ProviderError } from "../shared/errors.js";
import { cutText, escapeUnprintable } from "../shared/shown-text.js";

/**
 * The one table from our codes to the wire's. Only codes that kubelet takes for final: after CANCELLED,
 * DEADLINE_EXCEEDED, UNAVAILABLE, RESOURCE_EXHAUSTED or ABORTED (kubelet csi_client.go isFinalError) it keeps the target
 * directory, driver 1.6.0 with rotation on takes that for a mounted volume, and the pod starts with an empty one.
 */
const statusOf = {
  invalid_request: status.INVALID_ARGUMENT,
  unauthenticated: status.UNAUTHENTICATED,
  permission_denied: status.PERMISSION_DENIED,
  not_found: status.NOT_FOUND,
  unavailable: status.FAILED_PRECONDITION,
  limit_exceeded: status.FAILED_PRECONDITION,
  deadline_exceeded: status.FAILED_PRECONDITION,
  cancelled: status.FAILED_PRECONDITION,
  internal: status.INTERNAL,
} as const satisfies Record<ErrorCode, status>;

const notFinal: readonly status[] = [
  status.CANCELLED,
  status.DEADLINE_EXCEEDED,
  status.UNAVAILABLE,
  status.RESOURCE_EXHAUSTED,
  status.ABORTED,
];

/** Bytes of a message; it becomes an HTTP/2 header, three bytes for each that is not plain, and those have their limits. */
const longestMessage = 4_096;

export interface FinalStatus {
  code: status;
  details: string;
}

/** What leaves for an error: a final code, and its message fit for a header and a pod's event. */
export function finalStatus(error: ProviderError): FinalStatus {
  return { code: statusOf[error.code], details: fitMessage(error.message) };
}

/** A status that grpc-js would send by itself (a message too large, a deadline gone by), made final. */
export function madeFinal<S extends { code?: status }>(sent: S): S {
  return sent.code !== undefined && notFinal.includes(sent.code) ? { ...sent, code: status.FAILED_PRECONDITION } : sent;
}

/** grpc-js fails on lone surrogates, and a header takes no control characters; line ends become spaces. */
function fitMessage(message: string): string {
  const start = message.slice(0, longestMessage + 1).toWellFormed();
  const line = start.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ");
  return cutText(escapeUnprintable(line), longestMessage);
}
