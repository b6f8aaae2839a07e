import { X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import { makeIdentity } from "../../dev/testing/certificates.js";
import { parseExactJson } from "../shared/exact-json.js";
import type { JsonObject } from "../shared/json.js";
import { answerLife, holdsToken } from "./answer-life.js";

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const now = Date.parse("2026-01-01T00:00:00Z");
const inAnHour = (now + hour) / second;

const bodyOf = (json: string) => parseExactJson(Buffer.from(json)) as JsonObject;
const answering = (data: object) => bodyOf(JSON.stringify({ data }));
const jwt = (claims: unknown) =>
  ["{}", typeof claims === "string" ? claims : JSON.stringify(claims), "signature"]
    .map((part) => Buffer.from(part).toString("base64url"))
    .join(".");

/** Of an hour, as Vault's SSH engine signed one for `ttl: 1h`; it backdates by half a minute. */
function sshCertificate(validAfter: bigint, validBefore: bigint): string {
  const length = (bytes: number) => Buffer.from([0, 0, 0, bytes]);
  const type = "ssh-ed25519-cert-v01@openssh.com";
  const validity = Buffer.alloc(16);
  validity.writeBigUInt64BE(validAfter);
  validity.writeBigUInt64BE(validBefore, 8);
  const parts = [length(type.length), Buffer.from(type), length(0), length(0), Buffer.alloc(12), length(0), length(0)];
  return `${type} ${Buffer.concat([...parts, validity]).toString("base64")}\n`;
}

const sshHour = sshCertificate(BigInt(now / second - 30), BigInt(inAnHour));
const { cert, key } = makeIdentity({ commonName: "web", notBefore: now - minute / 2, notAfter: now + hour });
const der = new X509Certificate(cert).raw.toString("base64");

test.each<[string, object, number | undefined]>([
  ["a certificate of PKI", { certificate: cert, expiration: inAnHour }, hour],
  ["one in DER", { certificate: der }, hour],
  ["one behind its key", { certificate: key + cert }, hour],
  ["an SSH certificate", { signed_key: sshHour, serial_number: "1" }, hour],
  ["an SSH certificate for ever", { signed_key: sshCertificate(0n, 2n ** 64n - 1n) }, undefined],
  ["an SSH certificate that ends in 1970", { signed_key: sshCertificate(0n, 0n) }, undefined],
  ["identity/oidc/token", { token: jwt({ exp: inAnHour, iat: now / second }), ttl: 3_600, client_id: "x" }, hour],
  ["a JWT alone", { token: jwt({ exp: inAnHour, iat: now / second }) }, hour],
  ["a JWT without iat", { jwt: jwt({ exp: inAnHour }) }, hour],
  ["a JWT that ends before its ttl", { id_token: jwt({ exp: inAnHour, iat: now / second }), ttl: 7_200 }, hour],
  ["a token that ends before its JWT", { token: jwt({ exp: inAnHour + 3_600, iat: now / second }), ttl: 3_600 }, hour],
  ["a token of Google Cloud", { token: "ya29", token_ttl: 3_599, expires_at_seconds: inAnHour }, 3_599 * second],
  ["a token of Azure", { access_token: "eyJ", expires_in: 3_600 }, hour],
  ["a secret id of AppRole", { secret_id: "s", secret_id_ttl: 600, secret_id_num_uses: 0 }, 10 * minute],
  ["expires_at in Unix seconds", { expires_at: inAnHour }, hour],
  ["expires_at with a fraction", { expires_at: inAnHour + 0.5 }, hour + 500],
  ["expires_at as text", { expires_at: String(inAnHour) }, hour],
  ["expires_at in RFC 3339", { expires_at: "2026-01-01T01:00:00Z" }, hour],
  ["expire_time with nanoseconds and a zone", { expire_time: "2026-01-01T03:00:00.123456789+02:00" }, hour + 123],
  ["expiration", { expiration: "2026-01-01T01:00:00.000Z" }, hour],
  ["the earlier of two ends", { expires_at: inAnHour, expire_time: inAnHour + 60 }, hour],
  ["a ttl as Go writes it", { token: "t", ttl: "1h0m0s" }, hour],
  ["a ttl as text", { token: "t", ttl: "3600" }, hour],
  ["a ttl without a token", { plaintext: "t", ttl: 3_600 }, undefined],
  ["a ttl beside a token that is no text", { token: 7, ttl: 3_600 }, undefined],
  ["a token without an end", { token: "t" }, undefined],
  ["transit", { plaintext: "c2VjcmV0" }, undefined],
  ["nothing", {}, undefined],
])("%s", (_what, data, ms) => {
  expect(answerLife(answering(data), now)).toBe(ms);
});

test("a token of Vault itself, which is beside the data", () => {
  const token = { auth: { client_token: "hvs.x", lease_duration: 300 }, data: null };
  expect(answerLife(bodyOf(JSON.stringify(token)), now)).toBe(5 * minute);
  expect(answerLife(bodyOf('{"auth": null, "data": null}'), now)).toBeUndefined();
});

test.each([
  ["0", "0"],
  ["negative", "-1"],
  ["beyond 2^53 in seconds", "9007199254740993"],
  ["beyond any number", "1e400"],
  ["of a thousand digits", "9".repeat(1_000)],
  ["after the year 9999", "253402300800"],
  ["null", "null"],
  ["a truth", "true"],
  ["a list", "[1]"],
  ["a map", "{}"],
  ["an empty text", '""'],
  ["a text", '"soon"'],
  ["NaN", '"NaN"'],
  ["a negative text", '"-1"'],
  ["Go's zero time", '"0001-01-01T00:00:00Z"'],
  ["no date", '"2026-13-41T99:99:99Z"'],
  ["no RFC 3339", '"2026-01-01 01:00:00 +0000 UTC"'],
  ["a date of a megabyte", JSON.stringify(`2026-01-01T01:00:00.${"0".repeat(1 << 20)}Z`)],
  ["a duration of a megabyte", JSON.stringify(`${"1h".repeat(1 << 19)}`)],
])("%s is no end", (_what, json) => {
  for (const name of [
    "expires_at",
    "expires_at_seconds",
    "expire_time",
    "expiration",
    "ttl",
    "token_ttl",
    "expires_in",
  ]) {
    expect(answerLife(bodyOf(`{"data": {"token": "t", "${name}": ${json}}}`), now), name).toBeUndefined();
  }
  expect(answerLife(bodyOf(`{"auth": {"lease_duration": ${json}}}`), now)).toBeUndefined();
});

test.each([
  ["two parts", "e30.e30"],
  ["four parts", "e30.e30.e30.e30"],
  ["no base64url", "?.?.?"],
  ["no JSON", jwt("{")],
  ["null", jwt("null")],
  ["a list", jwt("[]")],
  ["exp as text", jwt({ exp: String(inAnHour) })],
  ["exp of 0", jwt({ exp: 0 })],
  ["a negative exp", jwt({ exp: -1 })],
  ["exp beyond any number", jwt('{"exp": 1e400}')],
  ["exp after the year 9999", jwt({ exp: 253_402_300_800 })],
  ["a token of a megabyte", `${jwt({ exp: inAnHour })}${"x".repeat(1 << 20)}`],
])("a JWT with %s tells no end", (_what, token) => {
  expect(answerLife(answering({ token }), now)).toBeUndefined();
});

test.each([
  ["a certificate", { certificate: cert, expiration: inAnHour }],
  ["an SSH certificate", { signed_key: sshHour }],
  ["a JWT", { token: jwt({ exp: inAnHour, iat: now / second - 30 }) }],
])("%s of an hour, backdated by half a minute, by any clock of ours", (_what, data) => {
  const at = (aheadMs: number) => answerLife(answering(data), now + aheadMs);
  expect(at(0)).toBe(hour);
  expect(at(10 * minute)).toBe(50 * minute);
  expect(at(-10 * minute)).toBe(60.5 * minute); // It does not outlive itself.
  for (const hours of [1, 3, -3, 1_000]) expect(at(hours * hour), `${hours} h ahead`).toBe(60.5 * minute);
});

test("a token with ttl needs no clock", () => {
  const data = { token: "ya29", token_ttl: 3_600, expires_at_seconds: inAnHour };
  for (const hours of [3, -3]) expect(answerLife(answering(data), now + hours * hour)).toBe(hour);
});

test("what would have ended before it was issued, and tells no life, is replaced within minutes", () => {
  for (const aheadMs of [hour, 3 * hour]) {
    expect(answerLife(answering({ expires_at: inAnHour }), now + aheadMs)).toBe(5 * minute);
  }
});

test.each([
  ["token", true],
  ["access_token", true],
  ["id_token", true],
  ["jwt", true],
  ["secret_id", true],
  ["tokens", false],
  ["tokenizer", false],
  ["token_ttl", false],
  ["password", false],
])("%s is the key of a token: %s", (name, is) => {
  expect(holdsToken(answering({ [name]: "x" }))).toBe(is);
});
