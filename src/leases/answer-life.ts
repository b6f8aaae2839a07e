import { tokenPayload } from "../mount/identity.js";
import { parseDuration } from "../shared/duration.js";
import { readCertificateText } from "../shared/foreign-certificate.js";
import { type Json, type JsonObject, isJsonNumber, isJsonObject } from "../shared/json.js";
import { sshValidity } from "./ssh-certificate.js";

/** Our clock and that of the issuer may differ by this much. */
export const leewayMs = 5 * 60_000;
const latest = Date.parse("9999-12-31T23:59:59Z");
const longestMs = 9_999_999_999_000; // Go's durations end at 292 years, ten digits of seconds.

/** Keys with the time of an end: Unix seconds, or RFC 3339. */
const endKeys = ["expires_at", "expires_at_seconds", "expire_time", "expiration"];
/** Keys with the life of a token beside it: seconds, or as Go writes durations. */
const lifeKeys = ["ttl", "token_ttl", "secret_id_ttl", "expires_in"];

/** How long something lasts. Both in milliseconds, and absent where it does not tell. */
interface Validity {
  /** Since the epoch. */
  notAfter?: number | undefined;
  /** From its beginning to its end. */
  span?: number | undefined;
}

/**
 * Milliseconds from the request until what an answer without lease has issued ends; `undefined` where it does not tell. Of
 * several parts the first to end counts. `requestedAtWall` is in milliseconds since the epoch.
 *
 * What was issued just now has its life before it, and no more than it says: where our clock tells otherwise, the clock is
 * wrong, and every Mount would issue another, or keep an ended one.
 */
export function answerLife(body: JsonObject, requestedAtWall: number): number | undefined {
  const validities = validitiesOf(body);
  const least = (of: (one: Validity) => number | undefined) =>
    Math.min(
      ...validities
        .map(of)
        .filter((ms) => ms !== undefined && ms > 0)
        .map(Number),
    );
  const notAfter = least((one) => one.notAfter);
  const span = least((one) => one.span);
  if (notAfter === Infinity && span === Infinity) return undefined;
  const left = notAfter - requestedAtWall;
  if (span === Infinity) return left > 0 ? left : leewayMs;
  return left < Math.min(leewayMs, span / 10) ? span : Math.min(left, span);
}

/** Whether the answer holds a token, by the name of its key. */
export function holdsToken(body: JsonObject): boolean {
  return tokensIn(dataIn(body)).length > 0;
}

function validitiesOf(body: JsonObject): Validity[] {
  const data = dataIn(body);
  const { certificate, signed_key: signedKey } = data;
  const { auth } = body;
  const tokens = tokensIn(data);
  return [
    ...(typeof certificate === "string" ? [ofCertificate(certificate)] : []),
    ...(typeof signedKey === "string" ? [ofSshCertificate(signedKey)] : []),
    ...tokens.map(ofJsonWebToken),
    ...endKeys.map((key) => ({ notAfter: instantOf(data[key]) })),
    ...(tokens.length > 0 ? lifeKeys.map((key) => ({ span: durationOf(data[key]) })) : []),
    ...(isJsonObject(auth) ? [{ span: durationOf(auth["lease_duration"]) }] : []),
  ];
}

function dataIn({ data }: JsonObject): JsonObject {
  return isJsonObject(data) ? data : {};
}

function tokensIn(data: JsonObject): string[] {
  return Object.entries(data).flatMap(([key, value]) =>
    /(^|_)(token|jwt|secret_id)$/.test(key) && typeof value === "string" && value !== "" ? [value] : [],
  );
}

/** PEM, or DER in base64 (`format: der`). */
function ofCertificate(text: string): Validity {
  const certificate = readCertificateText(text);
  if (!certificate) return {};
  const notAfter = Date.parse(certificate.validTo);
  return { notAfter: instant(notAfter), span: notAfter - Date.parse(certificate.validFrom) };
}

function ofSshCertificate(text: string): Validity {
  const { validAfter = 0n, validBefore = 0n } = sshValidity(text) ?? {};
  const notAfter = instant(Number(validBefore) * 1000);
  return notAfter === undefined ? {} : { notAfter, span: Number(validBefore - validAfter) * 1000 };
}

function ofJsonWebToken(token: string): Validity {
  const payload = tokenPayload(token);
  if (typeof payload !== "object" || payload === null) return {};
  const { exp, iat } = payload as Record<string, unknown>;
  const notAfter = typeof exp === "number" ? instant(exp * 1000) : undefined;
  return notAfter !== undefined && typeof iat === "number" ? { notAfter, span: notAfter - iat * 1000 } : { notAfter };
}

/** 0 and Go's zero time say "never", as times after 9999 do. */
function instant(ms: number): number | undefined {
  return ms > 0 && ms <= latest ? ms : undefined;
}

function instantOf(value: Json | undefined): number | undefined {
  if (typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i.test(value))
    return instant(Date.parse(value));
  return instant(secondsIn(value) * 1000);
}

function durationOf(value: Json | undefined): number | undefined {
  const ms = typeof value === "string" && /[a-z]$/.test(value) ? parseDuration(value) : secondsIn(value) * 1000;
  return ms !== undefined && ms > 0 && ms <= longestMs ? ms : undefined;
}

/** `NaN` for what is no number. */
function secondsIn(value: Json | undefined): number {
  if (isJsonNumber(value)) return Number(value.toString());
  return typeof value === "string" && /^\d{1,12}$/.test(value) ? Number(value) : NaN;
}
