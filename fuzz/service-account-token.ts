import { canaries } from "./canaries.js";

/** The pod that all cases are about, unless they say otherwise. */
export const pod = { namespace: "shop", name: "web-0", uid: "uid-1", serviceAccount: "web" };

export const claims = {
  aud: ["vault"],
  exp: 4_102_444_800,
  iat: 1_700_000_000,
  iss: "https://kubernetes.default.svc.cluster.local",
  sub: "system:serviceaccount:shop:web",
  canary: canaries.jwtClaim.value,
  "kubernetes.io": {
    namespace: pod.namespace,
    pod: { name: pod.name, uid: pod.uid },
    serviceaccount: { name: pod.serviceAccount, uid: "sa-uid-1" },
  },
};

/** A token with these claims and an invalid signature. */
export function tokenOf(payload: unknown, header: unknown = { alg: "RS256", kid: "k" }): string {
  const parts = [header, payload].map((part) => Buffer.from(JSON.stringify(part) ?? "").toString("base64url"));
  return `${parts.join(".")}.${canaries.jwtSignature.value}`;
}

export const tokensKey = "csi.storage.k8s.io/serviceAccount.tokens";

/** The attributes a driver sends for the pod, the class's parameters left out. */
export const podAttributes = {
  "csi.storage.k8s.io/ephemeral": "true",
  "csi.storage.k8s.io/pod.name": pod.name,
  "csi.storage.k8s.io/pod.namespace": pod.namespace,
  "csi.storage.k8s.io/pod.uid": pod.uid,
  "csi.storage.k8s.io/serviceAccount.name": pod.serviceAccount,
};

export const tokens = JSON.stringify({
  vault: { token: tokenOf(claims), expirationTimestamp: "2100-01-01T00:00:00Z" },
});

export const podVolume = `/var/lib/kubelet/pods/${pod.uid}/volumes/kubernetes.io~csi/secrets/mount`;
