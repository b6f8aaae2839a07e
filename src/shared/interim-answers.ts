import type { ClientRequest } from "node:http";

/**
 * Interim answers (1xx) before the answer: Vault and the Kubernetes API send none, and a proxy one or two (RFC 9110 §15.2,
 * RFC 8297). Each costs time.
 */
export const mostInterimAnswers = 8;

/** Node counts none of them. Calls `refuse` at each interim answer beyond a sensible number; it has to end the request. */
export function boundInterimAnswers(request: ClientRequest, refuse: (code: string) => void): void {
  let interim = 0;
  request.on("information", () => {
    if (++interim > mostInterimAnswers) refuse("TOO_MANY_INTERIM_ANSWERS");
  });
}
