import { expect, test } from "vitest";
import { classifyFault } from "./connection-fault.js";
import { ExchangeError, type Phase } from "./http-exchange.js";

test.each<[string, Phase, string, string, RegExp]>([
  ["ECONNREFUSED", "connecting", "outage", "always", /^https:\/\/vault:8200 refuses connections$/],
  ["EHOSTUNREACH", "connecting", "outage", "always", /cannot be reached/],
  ["EAI_AGAIN", "connecting", "outage", "always", /DNS does not answer/],
  ["ENOTFOUND", "connecting", "configuration", "elsewhere", /cannot be found in DNS/],
  ["EACCES", "connecting", "configuration", "elsewhere", /may not open/],
  ["ECONNRESET", "waiting", "outage", "repeatable", /closed the connection/],
  ["TIMEOUT_WAITING", "waiting", "outage", "repeatable", /does not answer in time/],
  ["TIMEOUT_CONNECTING", "connecting", "outage", "always", /does not accept a connection in time/],
  ["CERT_HAS_EXPIRED", "connecting", "configuration", "elsewhere", /has expired/],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "connecting", "configuration", "elsewhere", /tls\.caFile/],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "connecting", "configuration", "elsewhere", /tls\.serverName/],
  [
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "connecting",
    "configuration",
    "elsewhere",
    /its own certificate alone.*intermediate/,
  ],
  ["SELF_SIGNED_CERT_IN_CHAIN", "connecting", "configuration", "elsewhere", /the root certificate that it sends/],
  ["CERT_SIGNATURE_FAILURE", "connecting", "configuration", "elsewhere", /another key than that of the CA/],
  ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "waiting", "configuration", "elsewhere", /demands.*tls\.certFile/],
  ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "waiting", "configuration", "elsewhere", /CA of our client.*tls\.certFile/],
  ["ERR_SSL_SOMETHING_NEW", "waiting", "configuration", "elsewhere", /refused: ERR_SSL_SOMETHING_NEW/],
  ["INVALID_PURPOSE", "connecting", "configuration", "elsewhere", /serverAuth is not among its extended key usages/],
  ["INVALID_CA", "connecting", "configuration", "elsewhere", /TLS with .* is refused: a certificate of its chain/],
  ["UNSPECIFIED", "connecting", "configuration", "elsewhere", /refuses its chain without saying why/],
  ["ERR_SSL_TLSV1_UNRECOGNIZED_NAME", "connecting", "configuration", "elsewhere", /no such name.*tls\.serverName/],
  ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "connecting", "configuration", "elsewhere", /no TLS version/],
  ["ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL", "connecting", "configuration", "elsewhere", /HTTP\/1\.1/],
  ["ENCODED_BODY", "receiving", "protocol", "repeatable", /compresses its answers/],
  ["NOT_HTTP", "waiting", "protocol", "repeatable", /does not speak HTTP/],
  ["HEAD_TOO_LARGE", "waiting", "protocol", "repeatable", /does not speak HTTP/],
  ["BODY_TOO_LARGE", "receiving", "protocol", "never", /limits\.answerBytes/],
  ["BODY_IN_CRUMBS", "receiving", "protocol", "repeatable", /does not speak HTTP/],
  ["TOO_MANY_INTERIM_ANSWERS", "waiting", "protocol", "repeatable", /does not speak HTTP/],
  ["SOMETHING_NEW", "waiting", "outage", "repeatable", /cannot be talked to \(SOMETHING_NEW\)/],
])("%s while %s", (code, phase, kind, retry, message) => {
  const failure = classifyFault(new ExchangeError(code, phase, false), "https://vault:8200");
  expect(failure).toMatchObject({ retry, error: { kind, message: expect.stringMatching(message) as string } });
});
