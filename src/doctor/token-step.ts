import { KubeError } from "../kube/kube-error.js";
import type { KubeClient } from "../kube/kube-client.js";
import { requestToken } from "../kube/token-request.js";
import { type ChosenToken, chooseToken } from "../mount/identity.js";
import { ProviderError } from "../shared/errors.js";
import { quoted } from "../shared/quoted.js";
import { Redacted } from "../shared/redacted.js";
import { Break, NotSeen } from "./breaks.js";
import type { Errand } from "./class-steps.js";
import type { Bearer, Complaint } from "./complaint.js";
import type { Seen } from "./round.js";

export interface TokenAsk {
  complaint: Pick<Complaint, "bearer" | "token">;
  errand: Errand;
  kube: Pick<KubeClient, "call"> | undefined;
  /** Milliseconds since the epoch. */
  now: number;
}

/** The application's token, and that it is what a Mount would log in with. Of its claims only names are told. */
export async function lookAtToken(ask: TokenAsk, signal: AbortSignal): Promise<Seen<ChosenToken>> {
  const { bearer, token } = ask.complaint;
  const jwt = token ?? (await mint(ask, signal));
  const { aud, exp } = claimsOf(jwt.reveal());
  const wanted = ask.errand.audiences;
  if (aud.length > 0 && !wanted.some((audience) => aud.includes(audience))) throw otherAudience(aud, ask);
  const audience = wanted.find((one) => aud.includes(one)) ?? wanted[0] ?? "";
  const offered = new Map([[audience, { jwt }]]);
  const chosen = choose(offered, audience, ask);
  const minutes = exp === undefined ? undefined : Math.floor((exp * 1000 - ask.now) / 60_000);
  const who = `${bearer.namespace}/${bearer.serviceAccount}`;
  return {
    value: chosen,
    facts: [
      `${token ? "the token given is" : "the API server made a token"} of service account ${who}, for audience ${quoted(audience)}`,
      chosen.claims.podUid === undefined ? "bound to no pod" : `bound to pod ${chosen.claims.podUid}`,
      ...(minutes === undefined ? [] : [`good for ${minutes} minutes`]),
    ],
    warnings:
      minutes !== undefined && minutes < 0 ? ["it has ended by this machine's clock; Vault may still take it"] : [],
  };
}

function choose(
  offered: Parameters<typeof chooseToken>[0],
  audience: string,
  { complaint, now }: TokenAsk,
): ChosenToken {
  const { namespace, serviceAccount, pod } = complaint.bearer;
  try {
    // A token's own pod is believed where none was named.
    const uid = pod?.uid ?? podUidOf(offered.get(audience)!.jwt.reveal());
    return chooseToken(offered, [audience], { namespace, serviceAccount, name: pod?.name ?? "", uid }, now);
  } catch (reason) {
    if (!(reason instanceof ProviderError)) throw reason;
    throw new Break("token.unusable", reason.message, makeOne(complaint.bearer, audience));
  }
}

async function mint({ complaint: { bearer }, errand, kube }: TokenAsk, signal: AbortSignal): Promise<Redacted<string>> {
  const [audience = ""] = errand.audiences;
  if (!kube) throw new NotSeen(`there is no token: ${makeOne(bearer, audience)}`);
  try {
    return (await requestToken(kube, bearer, audience, signal)).jwt;
  } catch (reason) {
    signal.throwIfAborted();
    if (reason instanceof KubeError && reason.status === 404) throw new Break("token.account", reason.message);
    throw new NotSeen(`${ProviderError.from(reason).message}; ${makeOne(bearer, audience)}`);
  }
}

/** What a person types to have one. */
function makeOne({ namespace, serviceAccount }: Bearer, audience: string): string {
  const command = `kubectl create token ${serviceAccount} -n ${namespace}${audience === "" ? "" : ` --audience ${audience}`}`;
  return `give one with ${command} | keymount doctor --token-file - …`;
}

function otherAudience(aud: readonly string[], { errand, complaint }: TokenAsk): Break {
  const wanted = errand.audiences.map(quoted).join(" or ");
  return new Break(
    "token.unusable",
    `the token is for audience ${aud.slice(0, 8).map(quoted).join(", ")}, and the class or its connection asks for ${wanted}`,
    makeOne(complaint.bearer, errand.audiences[0] ?? ""),
  );
}

interface Claims {
  aud: readonly string[];
  exp?: number;
  podUid: string;
}

/** Nothing but what is told: the audiences, the end, the pod. */
function claimsOf(jwt: string): Claims {
  const claims = bodyOf(jwt);
  const { aud, exp } = claims;
  const audiences = (Array.isArray(aud) ? aud : [aud]).filter((one): one is string => typeof one === "string");
  const kubernetes = claims["kubernetes.io"] as { pod?: { uid?: unknown } } | undefined;
  const uid = kubernetes?.pod?.uid;
  return { aud: audiences, ...(typeof exp === "number" && { exp }), podUid: typeof uid === "string" ? uid : "" };
}

function podUidOf(jwt: string): string {
  return claimsOf(jwt).podUid;
}

function bodyOf(jwt: string): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString());
    return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
