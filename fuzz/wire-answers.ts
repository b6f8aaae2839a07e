import fc from "fast-check";
import { canaries } from "./canaries.js";
import { damagedBytes, damagedText } from "./mutations.js";
import type { WireAnswer } from "./hostile-server.js";

const value = canaries.secretValue.value;
/** Bodies as Vault writes them. */
export const bodies = {
  login: {
    auth: {
      client_token: canaries.vaultToken.value,
      accessor: "accessor",
      lease_duration: 3600,
      renewable: true,
      token_type: "service",
      num_uses: 0,
    },
  },
  kv2: {
    request_id: "r",
    lease_id: "",
    mount_type: "kv",
    data: { data: { password: value }, metadata: { version: 1 } },
  },
  kv1: { request_id: "r", lease_id: "", lease_duration: 2764800, data: { password: value, n: 0.1 } },
  leased: {
    lease_id: canaries.leaseId.value,
    lease_duration: 3600,
    renewable: true,
    data: { username: "u", password: value },
  },
  deleted: { data: { data: null, metadata: { deletion_time: "2026-01-01T00:00:00Z", destroyed: false, version: 3 } } },
  errors: { errors: [`1 error occurred:\n\t* permission denied ${value}`, canaries.vaultToken.value] },
  engine: { errors: [`failed to connect to host=db user=${value}`] },
  sealed: { errors: ["Vault is sealed"] },
  dead: { errors: ["permission denied", "invalid token"] },
  warnings: { warnings: ["Invalid path for a versioned K/V secrets engine."], data: {} },
};

const wellFormed = Object.values(bodies).map((one) => JSON.stringify(one));
const body = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...wellFormed) },
  { weight: 4, arbitrary: damagedText(fc.constantFrom(...wellFormed)) },
  { weight: 1, arbitrary: fc.json() },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "",
      "null",
      "[]",
      "<html>502 Bad Gateway</html>",
      "[".repeat(30_000),
      '{"a":'.repeat(30_000),
      '{"__proto__":{"polluted":true},"data":{"__proto__":{"polluted":1},"password":"x"}}',
      '{"auth":null}',
      '{"auth":{"client_token":"","lease_duration":-1}}',
      '{"auth":{"client_token":"a b","lease_duration":1}}',
      '{"auth":{"client_token":"x\\r\\nX-Vault-Token: y","lease_duration":1}}',
      '{"auth":{"client_token":"x","lease_duration":1e308}}',
      '{"data":{"data":{"password":"\\ud800"}}}',
      '{"data":{"password":1e400,"password":2}}',
      `{"data":{"password":"${"x".repeat(100_000)}"}}`,
    ),
  },
);
const statusCode = fc.oneof(
  { weight: 5, arbitrary: fc.constant(200) },
  fc.constantFrom(204, 301, 307, 308, 400, 403, 404, 405, 412, 429, 472, 473, 500, 501, 502, 503, 504),
  fc.integer({ min: 0, max: 999 }),
);
const header = fc.constantFrom(
  "Content-Type: application/json",
  "Content-Type: text/html",
  "Content-Encoding: gzip",
  "Location: http://169.254.169.254/latest",
  "Location: https://vault-2.example:8200/v1/kv/app",
  "Location: :::",
  "Retry-After: 1",
  "Retry-After: 99999999999",
  "Retry-After: Wed, 21 Oct 2099 07:28:00 GMT",
  "Set-Cookie: a=b",
  "Connection: close",
  "Trailer: X",
  `X-Long: ${"x".repeat(20_000)}`,
  "X-Bad: \u0000",
  "Upgrade: h2c",
);
const framing = fc.constantFrom(
  "length",
  "length",
  "length",
  "chunked",
  "crumbs",
  "until end",
  "too long",
  "too short",
  "both",
);

/** Interim answers that come before. */
const interim = fc
  .tuple(fc.constantFrom(0, 0, 0, 0, 1, 9, 200), fc.constantFrom(100, 102, 103))
  .map(([count, status]) => `HTTP/1.1 ${status} X\r\nLink: </a>\r\n\r\n`.repeat(count));

const whole = fc
  .tuple(statusCode, fc.array(header, { maxLength: 3 }), framing, body, interim)
  .map(([status, headers, frame, content, before]) => {
    const bytes = Buffer.from(content);
    const chunked = `${bytes.length.toString(16)}\r\n${bytes.toString("latin1")}\r\n0\r\n\r\n`;
    const length = (difference: number) => `Content-Length: ${Math.max(0, bytes.length + difference)}`;
    const framed = {
      length: [length(0)],
      chunked: ["Transfer-Encoding: chunked"],
      crumbs: ["Transfer-Encoding: chunked"],
      "until end": [],
      "too long": [length(7)],
      "too short": [length(-7)],
      both: [length(0), "Transfer-Encoding: chunked"],
    }[frame];
    const isChunked = frame === "chunked" || frame === "both";
    const head = `HTTP/1.1 ${String(status).padStart(3, "0")} X\r\n${[...headers, ...framed].join("\r\n")}\r\n\r\n`;
    const crumbs = bytes.toString("latin1").replace(/[^]/g, (byte) => `1\r\n${byte}\r\n`) + "0\r\n\r\n";
    const sent =
      frame === "crumbs" ? Buffer.from(crumbs, "latin1") : isChunked ? Buffer.from(chunked, "latin1") : bytes;
    return Buffer.concat([Buffer.from(before + head, "latin1"), sent]);
  });

const ending = fc.oneof(
  { weight: 20, arbitrary: fc.constant("end" as const) },
  { weight: 3, arbitrary: fc.constant("reset" as const) },
  { weight: 1, arbitrary: fc.constantFrom("keep" as const, "hang" as const) },
);

/** Any bytes in answer to a request, most of them like HTTP, and any end of the connection. */
export const hostileAnswer: fc.Arbitrary<WireAnswer> = fc.record({
  bytes: fc.oneof(whole, damagedBytes(whole)),
  then: ending,
});

/** A whole answer of HTTP with this body. */
export function intact(body: unknown, status = 200): WireAnswer {
  const content = typeof body === "string" ? body : JSON.stringify(body);
  const head = `HTTP/1.1 ${status} X\r\nContent-Length: ${Buffer.byteLength(content)}\r\n\r\n`;
  return { bytes: Buffer.from(head + content), then: "keep" };
}
