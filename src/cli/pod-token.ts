import { createHash } from "node:crypto";
import type { MountingPod, PodToken } from "../driver/mount-request.js";
import { tokenPayload } from "../mount/identity.js";
import { recordOf } from "../shared/record-of.js";

/** Requests a token as a kubelet would; `undefined` where none can be issued. */
export type TokenSource = (request: TokenRequest, signal: AbortSignal) => Promise<string | undefined>;

export interface TokenRequest {
  pod: MountingPod;
  audience: string;
  /** Of the provider the token is for. */
  socketPath: string;
}

/** What a service account token says of itself, believed as far as it goes: the provider and Vault check it. */
export interface TokenClaims {
  audience?: string;
  pod: Partial<MountingPod>;
  /** Milliseconds since the epoch. */
  expiresAt?: number;
}

/** Reads the claims of Kubernetes' tokens (pkg/serviceaccount/claims.go); all else says nothing. */
export function tokenClaims(jwt: string): TokenClaims {
  const claims = recordOf(tokenPayload(jwt));
  const kubernetes = recordOf(claims["kubernetes.io"]);
  const pod = recordOf(kubernetes["pod"]);
  const audience = textOf(Array.isArray(claims["aud"]) ? (claims["aud"] as unknown[])[0] : claims["aud"]);
  const expiresAt = Number(claims["exp"]) * 1_000;
  const said = {
    namespace: textOf(kubernetes["namespace"]),
    name: textOf(pod["name"]),
    uid: textOf(pod["uid"]),
    serviceAccount: textOf(recordOf(kubernetes["serviceaccount"])["name"]),
  };
  return {
    pod: Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)),
    ...(audience !== undefined && { audience }),
    ...(expiresAt > 0 && expiresAt < 8e15 && { expiresAt }),
  };
}

/** A pod without a uid gets one that its name determines: it is the same pod at each call. */
export function withUid(pod: Omit<MountingPod, "uid"> & { uid?: string }): MountingPod {
  return { ...pod, uid: pod.uid ?? uidOf(pod) };
}

function uidOf({ namespace, name }: { namespace: string; name: string }): string {
  const hex = createHash("sha256").update(`${namespace}/${name}`).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    "-",
  );
}

/** As it stands in the pod's tokens. A token that does not say when it expires is taken to last ten minutes. */
export function podToken(jwt: string, { expiresAt }: TokenClaims, now: number): PodToken {
  const expiry = new Date(expiresAt ?? now + 600_000);
  return { token: jwt, expirationTimestamp: expiry.toISOString().replace(/\.\d+Z$/, "Z") };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
