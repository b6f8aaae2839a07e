import { ProviderError } from "../shared/errors.js";
import { quoted } from "../shared/quoted.js";
import { recordOf } from "../shared/record-of.js";
import type { Redacted } from "../shared/redacted.js";
import type { OfferedToken, PodIdentity } from "./mount-spec.js";

/** What a service account token says of its bearer. Only Vault verifies it. */
export interface TokenClaims {
  namespace: string;
  serviceAccount: string;
  serviceAccountUid: string;
  /** Absent in tokens that are not bound to a pod, as the sync controller's. */
  podUid?: string;
}

export interface ChosenToken {
  audience: string;
  jwt: Redacted<string>;
  claims: TokenClaims;
  /** Not verified; empty where the token names none. */
  issuer: string;
  /** It is bound to the pod, and has not ended by this node's clock: what a pod must show where Vault cannot verify it. */
  bound: boolean;
}

/** A node's clock may be wrong, so it alone declares a token dead only when it is long so; within that, Vault decides. */
const leewayMs = 5 * 60_000;

const longestToken = 16 << 10;

/**
 * The token of the first audience that is offered, its claims held against the pod the driver named. `now` is wall time
 * in milliseconds. Throws `unauthenticated` when there is none, or it is expired or unreadable, saying what to change;
 * `permission_denied` when it is another's.
 */
export function chooseToken(
  tokens: ReadonlyMap<string, OfferedToken>,
  audiences: readonly string[],
  pod: PodIdentity,
  now: number,
): ChosenToken {
  const audience = audiences.find((wanted) => tokens.get(wanted)?.jwt.reveal());
  if (audience === undefined) throw absent(tokens, audiences);
  const { jwt, expiresAt } = tokens.get(audience)!;
  const { exp, aud, bearer, issuer } = readToken(jwt.reveal(), audience);
  const endsAt = exp === undefined ? expiresAt : exp * 1_000;
  if (endsAt !== undefined && now > endsAt + leewayMs) throw expired(audience);
  if (audience !== "" && aud && !aud.some((one) => one.trim() === audience)) throw another(audience, "audience");
  if (bearer.namespace !== pod.namespace) throw another(audience, "namespace");
  if (bearer.serviceAccount !== pod.serviceAccount) throw another(audience, "service account");
  if (bearer.podUid !== undefined && bearer.podUid !== pod.uid) throw another(audience, "pod uid");
  const bound = bearer.podUid !== undefined && exp !== undefined && now < exp * 1_000;
  return { audience, jwt, claims: bearer, issuer, bound };
}

/** What a token says, not yet held against anything. `audience` is for the message; throws `unauthenticated`. */
export function readToken(jwt: string, audience: string): TokenText {
  const read = textOf(tokenPayload(jwt));
  if (read) return read;
  throw new ProviderError(
    "unauthenticated",
    `the token for audience ${quoted(audience)} is not a service account token of this cluster's TokenRequest API`,
  );
}

/** What a token says of itself and of its bearer. */
export interface TokenText {
  /** Seconds since the epoch. */
  exp?: number;
  aud?: readonly string[];
  bearer: TokenClaims;
  /** Empty where the token names none. */
  issuer: string;
}

/** Of the payload of a token from the TokenRequest API (kubernetes pkg/serviceaccount/claims.go); `undefined` for any other. */
function textOf(payload: unknown): TokenText | undefined {
  const { exp, aud, iss, "kubernetes.io": bound } = recordOf(payload);
  const { namespace, serviceaccount, pod } = recordOf(bound);
  const { name: serviceAccount, uid: serviceAccountUid } = recordOf(serviceaccount);
  const { uid: podUid } = recordOf(pod);
  const audiences = typeof aud === "string" ? [aud] : aud;
  if (!isName(namespace) || !isName(serviceAccount) || !isName(serviceAccountUid)) return undefined;
  if (pod !== undefined && !isName(podUid)) return undefined;
  if (exp !== undefined && !isFinite(exp)) return undefined;
  if (audiences !== undefined && !areTexts(audiences)) return undefined;
  return {
    ...(exp !== undefined && { exp }),
    ...(audiences && { aud: audiences }),
    bearer: { namespace, serviceAccount, serviceAccountUid, ...(isName(podUid) && { podUid }) },
    issuer: isName(iss) ? iss : "",
  };
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value.length >= 1 && value.length <= 1024;
}

function isFinite(value: unknown): value is number {
  return Number.isFinite(value);
}

function areTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= 32 && value.every((one) => typeof one === "string");
}

/** `iss` of a JWT, not verified, at most 1,024 characters; empty where there is none. */
export function issuerOf(jwt: string): string {
  const { iss } = recordOf(tokenPayload(jwt));
  return isName(iss) ? iss : "";
}

/** The payload of a JWT, not verified; `undefined` for other text and for a token that is too long. */
export function tokenPayload(jwt: string): unknown {
  const parts = jwt.length <= longestToken ? jwt.split(".", 4) : [];
  if (parts.length !== 3) return undefined;
  try {
    return JSON.parse(Buffer.from(parts[1]!, "base64url").toString());
  } catch {
    return undefined;
  }
}

function absent(tokens: ReadonlyMap<string, OfferedToken>, audiences: readonly string[]): ProviderError {
  const offered = [...tokens.keys()].map(quoted).join(", ");
  const wanted = audiences.map(quoted).join(" or ");
  const request = `tokenRequests: [{audience: ${quoted(audiences[0] ?? "vault")}}]`;
  return new ProviderError(
    "unauthenticated",
    tokens.size === 0
      ? `the driver sent no service account token; add to the spec of the CSIDriver object secrets-store.csi.k8s.io: ${request}`
      : `the driver sent no service account token for audience ${wanted} (it sent: ${offered}); add to the spec of the CSIDriver object ` +
          `secrets-store.csi.k8s.io: ${request}, or set the class's parameter audience to one it sends`,
  );
}

function expired(audience: string): ProviderError {
  return new ProviderError(
    "unauthenticated",
    `the token for audience ${quoted(audience)} has expired; the driver should send a new one with each Mount: ` +
      "check tokenRequests and requiresRepublish: true in the CSIDriver object, and this node's clock",
  );
}

function another(audience: string, claim: string): ProviderError {
  return new ProviderError(
    "permission_denied",
    `the token for audience ${quoted(audience)} names another ${claim} than the driver does for this pod`,
  );
}
