import { createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import type { Data } from "./answer.js";

/** A JSON Web Token's parts, not yet believed. */
export interface ParsedToken {
  readonly header: Data;
  readonly claims: Data;
  readonly signed: Buffer;
  readonly signature: Buffer;
}

/** Throws an error in go-jose's words. */
export function parseJsonWebToken(compact: string): ParsedToken {
  const parts = compact.split(".");
  if (parts.length !== 3) throw new Error("go-jose/go-jose: compact JWS format must have three parts");
  const [header, claims, signature] = parts as [string, string, string];
  return {
    header: decode(header),
    claims: decode(claims),
    signed: Buffer.from(`${header}.${claims}`),
    signature: Buffer.from(signature, "base64url"),
  };
}

function decode(part: string): Data {
  const text = Buffer.from(part, "base64url").toString();
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Data;
  } catch {
    // Go's decoder reports a base64 error first, before any error inside.
  }
  throw new Error("illegal base64 data at input byte 0");
}

export function isSignedBy({ header, signed, signature }: ParsedToken, keys: readonly KeyObject[]): boolean {
  return keys.some((key) => {
    const algorithm = algorithmOf(key);
    return header["alg"] === algorithm && verify("sha256", signed, withEncoding(key), signature);
  });
}

export function signJsonWebToken(claims: Data, key: KeyObject, keyId: string): string {
  const header = { alg: algorithmOf(key), kid: keyId };
  const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${signed}.${sign("sha256", Buffer.from(signed), withEncoding(key)).toString("base64url")}`;
}

export function readPublicKey(pem: string): KeyObject {
  return createPublicKey(pem);
}

function algorithmOf(key: KeyObject): "RS256" | "ES256" {
  return key.asymmetricKeyType === "rsa" ? "RS256" : "ES256";
}

const withEncoding = (key: KeyObject) => ({ key, dsaEncoding: "ieee-p1363" as const });

/** Vault allows clocks to differ by this much. Source: hashicorp/cap jwt.Validator. */
const leewaySeconds = 60;

/**
 * Whether the token is of this time and for one of these audiences (none: any); throws in the words of hashicorp/cap,
 * which both of Vault's methods use.
 */
export function validateClaims(claims: Data, audiences: readonly string[], nowSeconds: number): void {
  const [exp, nbf, iat] = ["exp", "nbf", "iat"].map((name) => Number(claims[name] ?? 0)) as [number, number, number];
  if (!exp && !nbf && !iat) {
    throw new Error("no issued at (iat), not before (nbf), or expiration time (exp) claims in token");
  }
  if (exp && nowSeconds > exp + leewaySeconds) throw new Error("invalid expiration time (exp) claim: token is expired");
  if (nbf && nowSeconds < nbf - leewaySeconds) throw new Error("invalid not before (nbf) claim: token not yet valid");
  if (iat && nowSeconds < iat - leewaySeconds)
    throw new Error("invalid issued at (iat) claim: token issued in the future");
  const held = audiencesOf(claims);
  if (audiences.length > 0 && !audiences.some((audience) => held.includes(audience))) {
    throw new Error("invalid audience (aud) claim: audience claim does not match any expected audience");
  }
}

export function audiencesOf(claims: Data): string[] {
  const { aud } = claims;
  return Array.isArray(aud) ? (aud as string[]) : typeof aud === "string" ? [aud] : [];
}
