import { ExchangeError } from "./http-exchange.js";
import { type Failure, final } from "./failure.js";
import { VaultError } from "./vault-error.js";

/** Node's and OpenSSL's codes, in the words of the person who can mend it. */
const tlsFaults: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed; give its CA in the connection's tls.caFile",
  SELF_SIGNED_CERT_IN_CHAIN: "its CA is not trusted; give it in the connection's tls.caFile",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its CA is not trusted; give it in the connection's tls.caFile",
  UNABLE_TO_GET_ISSUER_CERT: "its CA is not trusted; give it in the connection's tls.caFile",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its CA is not trusted; give it in the connection's tls.caFile",
  CERT_SIGNATURE_FAILURE: "its certificate was not made by the CA in the connection's tls.caFile",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name; see the connection's tls.serverName",
  ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak TLS at this port",
  EPROTO: "it does not speak TLS as we do",
};

const outages: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refuses connections",
  ECONNRESET: "closed the connection",
  EPIPE: "closed the connection",
  EHOSTUNREACH: "cannot be reached",
  ENETUNREACH: "cannot be reached",
  ETIMEDOUT: "does not answer",
  EAI_AGAIN: "cannot be looked up, DNS does not answer",
  ENOENT: "is not there",
  TIMEOUT_CONNECTING: "does not accept a connection in time",
  TIMEOUT_WAITING: "does not answer in time",
  TIMEOUT_RECEIVING: "stopped in the middle of its answer",
  TIMEOUT_WHOLE: "does not finish its answer in time",
};

/** What it means that no answer came. */
export function understandFault(fault: ExchangeError, origin: string): Failure {
  const { code, phase } = fault;
  const unsent = phase === "connecting";
  const tls =
    tlsFaults[code] ?? (/^(ERR_SSL_|ERR_TLS_|CERT_|ERR_OSSL_)/.test(code) ? `TLS failed (${code})` : undefined);
  if (tls !== undefined) return node("configuration", `TLS with ${origin} is refused: ${tls}`, unsent);
  if (code === "ENOTFOUND") return node("configuration", `${origin} cannot be found in DNS`, true);
  if (code === "EACCES") return node("configuration", `keymount may not open ${origin}`, true);
  if (code === "BODY_TOO_LARGE") {
    return final(new VaultError("protocol", `${origin} sent more than the connection's maxAnswerBytes`));
  }
  if (code === "ENCODED_BODY" || code.startsWith("HPE_"))
    return node("protocol", `${origin} does not speak HTTP as Vault does`, false);
  return node("outage", `${origin} ${outages[code] ?? `cannot be talked to (${code.slice(0, 40)})`}`, unsent);
}

function node(kind: "configuration" | "outage" | "protocol", message: string, unsent: boolean): Failure {
  return { error: new VaultError(kind, message), retry: unsent ? "always" : "repeatable", blamesNode: true };
}
