import type { ExchangeError } from "./http-exchange.js";
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

/** What it means that no answer came. Where TLS or the name is at fault, Vault did nothing, and will not do better soon. */
export function understandFault({ code, phase }: ExchangeError, origin: string): Failure {
  const mend = configurationFault(code, origin);
  if (mend !== undefined) return { error: new VaultError("configuration", mend), retry: "elsewhere", scope: "node" };
  if (code === "BODY_TOO_LARGE") {
    return final(new VaultError("protocol", `${origin} sent more than the connection's maxAnswerBytes`));
  }
  if (["ENCODED_BODY", "BODY_IN_CRUMBS", "TOO_MANY_INTERIM_ANSWERS"].includes(code) || code.startsWith("HPE_")) {
    const error = new VaultError("protocol", `${origin} does not speak HTTP as Vault does`);
    return { error, retry: "repeatable", scope: "unsettled" };
  }
  const error = new VaultError("outage", `${origin} ${outages[code] ?? `cannot be talked to (${code.slice(0, 40)})`}`);
  if (phase === "connecting") return { error, retry: "always", scope: "node" };
  return { error, retry: "repeatable", scope: "unsettled", ...(code.startsWith("TIMEOUT_") && { timedOut: true }) };
}

function configurationFault(code: string, origin: string): string | undefined {
  if (code === "ENOTFOUND") return `${origin} cannot be found in DNS`;
  if (code === "EACCES") return `keymount may not open ${origin}`;
  const isTls = /^(ERR_SSL_|ERR_TLS_|CERT_|ERR_OSSL_)/.test(code) || Object.hasOwn(tlsFaults, code);
  return isTls ? `TLS with ${origin} is refused: ${tlsFaults[code] ?? code.slice(0, 80)}` : undefined;
}
