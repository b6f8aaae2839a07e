import { goJson } from "../shared/go-json.js";
import type { MountRequest } from "../wire/provider.js";

export interface MountingPod {
  namespace: string;
  name: string;
  uid: string;
  serviceAccount: string;
}

/** One of the tokens a kubelet mints for a pod. */
export interface PodToken {
  token: string;
  /** RFC 3339. */
  expirationTimestamp: string;
}

export interface Mounting {
  pod: MountingPod;
  /** The class's `spec.parameters`. */
  parameters: Readonly<Record<string, string>>;
  /** By audience; none when the CSIDriver object has no `tokenRequests`. */
  tokens?: Readonly<Record<string, PodToken>>;
  /** The volume of the pod, where nothing is written by us; `podVolumePath(pod.uid)` when left out. */
  targetPath?: string;
  /** What the pod's volume says beside the class; it overrules the class. `secretProviderClass` is usually all. */
  volumeAttributes?: Readonly<Record<string, string>>;
  /** The Secret of `nodePublishSecretRef`. */
  secrets?: Readonly<Record<string, string>>;
}

/** Where a kubelet puts a pod's CSI volume. */
export function podVolumePath(podUid: string, volume = "keymount"): string {
  return `/var/lib/kubelet/pods/${podUid}/volumes/kubernetes.io~csi/${volume}/mount`;
}

/** The Mount that driver 1.6.0 makes of a kubelet's NodePublishVolume (nodeserver.go). */
export function mountRequest(mounting: Mounting): MountRequest {
  const { pod, parameters, tokens, targetPath = podVolumePath(pod.uid), volumeAttributes, secrets } = mounting;
  const attributes = {
    ...parameters,
    ...volumeAttributes,
    "csi.storage.k8s.io/ephemeral": "true",
    "csi.storage.k8s.io/pod.name": pod.name,
    "csi.storage.k8s.io/pod.namespace": pod.namespace,
    "csi.storage.k8s.io/pod.uid": pod.uid,
    "csi.storage.k8s.io/serviceAccount.name": pod.serviceAccount,
    ...(tokens && { "csi.storage.k8s.io/serviceAccount.tokens": tokensText(tokens) }),
  };
  return {
    attributes: goJson(attributes),
    secrets: goJson(secrets ? { ...secrets } : null),
    targetPath,
    permission: String(0o644),
    currentObjectVersion: [],
  };
}

/** As kubelet's csi_mounter.go marshals a map of TokenRequestStatus: audiences sorted, fields in the struct's order. */
function tokensText(tokens: Readonly<Record<string, PodToken>>): string {
  const members = Object.keys(tokens)
    .sort()
    .map((audience) => {
      const { token, expirationTimestamp } = tokens[audience]!;
      return `${goJson(audience)}:{"token":${goJson(token)},"expirationTimestamp":${goJson(expirationTimestamp)}}`;
    });
  return `{${members.join(",")}}`;
}
