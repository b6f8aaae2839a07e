import type { ExchangeError } from "./http-exchange.js";
import type { ResponseFaultCode } from "./response-reader.js";
import { type Failure, final } from "./failure.js";
import { VaultError } from "./vault-error.js";

const notTrusted = (why: string) =>
  `its CA is not trusted: ${why} is not in the connection's tls.caFile (without one, not among the CAs that Node brings)`;

const noVersion = "it speaks no TLS version that keymount takes (1.2 and newer)";

/** Node's and OpenSSL's codes (openssl-verification-options(1), ssl/ssl_stat.c), in the words of the person who can fix it. */
export const tlsFaults: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed; give its CA in the connection's tls.caFile",
  SELF_SIGNED_CERT_IN_CHAIN: notTrusted("the root certificate that it sends"),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `${notTrusted("it sends its own certificate alone, and the CA that signed it")}; give that CA there, or have Vault send its intermediate certificates`,
  UNABLE_TO_GET_ISSUER_CERT: notTrusted("the CA that its chain leads to"),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: notTrusted("the CA that its chain leads to"),
  CERT_SIGNATURE_FAILURE:
    "its certificate was signed with another key than that of the CA of this name in the connection's tls.caFile; was the CA replaced?",
  CERT_UNTRUSTED: notTrusted("the CA that its chain leads to"),
  INVALID_PURPOSE:
    "its certificate may not serve for this: serverAuth is not among its extended key usages, or what signed it is no CA",
  INVALID_CA: "a certificate of its chain signed another and is no CA's",
  PATH_LENGTH_EXCEEDED: "its chain has more CAs than one of them allows",
  CERT_CHAIN_TOO_LONG: "its chain is too long",
  // Node's name for all that it has no name for.
  UNSPECIFIED:
    "OpenSSL refuses its chain without saying why, as for a name that a CA's name constraints leave out, a short key or a weak signature",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name; see the connection's tls.serverName",
  ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak TLS at this port",
  ERR_SSL_TLSV1_UNRECOGNIZED_NAME: "it serves no such name; see the connection's tls.serverName",
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: noVersion,
  ERR_SSL_UNSUPPORTED_PROTOCOL: noVersion,
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: "it does not speak HTTP/1.1",
  EPROTO: "it does not speak TLS as we do",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: clientCertificate("it demands a client certificate"),
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: clientCertificate("it refuses our client certificate"),
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: clientCertificate("it does not trust the CA of our client certificate"),
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: clientCertificate("our client certificate has expired"),
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: clientCertificate(
    "it breaks the handshake off, as one that demands a client certificate does",
  ),
};

function clientCertificate(what: string): string {
  return `${what}; see the connection's tls.certFile and tls.keyFile`;
}

/** What is said of a node that gave no answer, by the code. */
export const outages: Readonly<Record<string, string>> = {
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

const isNotVaultsHttp: ReadonlySet<string> = new Set<ResponseFaultCode>([
  "NOT_HTTP",
  "HEAD_TOO_LARGE",
  "TOO_MANY_INTERIM_ANSWERS",
  "ENCODED_BODY",
  "BODY_IN_CRUMBS",
]);

/** What it means that no answer came. Where TLS or the name is at fault, Vault did nothing, and will not do better soon. */
export function classifyFault({ code, phase }: ExchangeError, origin: string): Failure {
  const fault = configurationFault(code, origin);
  if (fault !== undefined) return { error: new VaultError("configuration", fault), retry: "elsewhere", scope: "node" };
  if (code === "BODY_TOO_LARGE") {
    return final(new VaultError("protocol", `${origin} sent more than the connection's limits.answerBytes`));
  }
  if (isNotVaultsHttp.has(code)) {
    const how =
      code === "ENCODED_BODY"
        ? "compresses its answers, unasked; turn that off in what stands before Vault"
        : "does not speak HTTP as Vault does";
    const error = new VaultError("protocol", `${origin} ${how}`);
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
