import { z } from "zod";
import type { OfferedToken, PodIdentity } from "../mount/mount-spec.js";
import type { TokenMinter } from "../mount/authenticate-pod.js";
import { ProviderError } from "../shared/errors.js";
import { quoted } from "../shared/quoted.js";
import { Redacted } from "../shared/redacted.js";
import { type KubeClient, kubePath } from "./kube-client.js";

/** The shortest life the API server grants. */
const lifeSeconds = 600;

const answer = z.object({ status: z.object({ token: z.string().min(1), expirationTimestamp: z.string() }) });

/**
 * Mints tokens of pods for these audiences and no others, bound to the pod so that they die with it (Kubernetes
 * TokenRequest). The pod's uid must have been proven by its volume's path; the API server checks that a pod of that
 * name, uid and service account exists. Throws `permission_denied` for another audience, `KubeError` for a refusal.
 */
export function tokenMinter(kube: Pick<KubeClient, "call">, audiences: readonly string[]): TokenMinter {
  return {
    audiences,
    mint: async ({ namespace, serviceAccount, name, uid }, audience, signal) => {
      if (!audiences.includes(audience)) throw notAllowed(audience);
      return requestToken(kube, { namespace, serviceAccount, pod: { name, uid } }, audience, signal);
    },
  };
}

/** Whose token; bound to the pod, and dying with it, where one is named. */
export type TokenBearer = Pick<PodIdentity, "namespace" | "serviceAccount"> & { pod?: { name: string; uid: string } };

/** The same for every service account that keymount may request tokens for. Throws `KubeError` for a refusal. */
export async function requestToken(
  kube: Pick<KubeClient, "call">,
  { namespace, serviceAccount, pod }: TokenBearer,
  audience: string,
  signal: AbortSignal,
): Promise<OfferedToken> {
  const purpose = `making a token of service account ${namespace}/${serviceAccount}`;
  const spec = {
    // Without audiences the API server uses its default.
    ...(audience !== "" && { audiences: [audience] }),
    expirationSeconds: lifeSeconds,
    ...(pod && { boundObjectRef: { apiVersion: "v1", kind: "Pod", ...pod } }),
  };
  const reply = await kube.call(
    {
      method: "POST",
      path: kubePath`/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`,
      body: new Redacted({ apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec }),
      purpose,
    },
    signal,
  );
  const read = answer.safeParse(reply.reveal());
  if (!read.success) throw new ProviderError("unavailable", `${purpose}: the Kubernetes API gave no token`);
  const { token, expirationTimestamp } = read.data.status;
  const expiresAt = Date.parse(expirationTimestamp);
  return { jwt: new Redacted(token), ...(!Number.isNaN(expiresAt) && { expiresAt }) };
}

function notAllowed(audience: string): ProviderError {
  return new ProviderError(
    "permission_denied",
    `keymount may not make tokens for the audience ${quoted(audience)}; the audiences are listed in tokenRequest.audiences`,
  );
}
