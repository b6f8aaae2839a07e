import { credentials } from "@grpc/grpc-js";
import type { MountResponse } from "../../src/wire/provider.js";
import { CSIDriverProviderClient } from "../../src/wire/provider.js";
import type { KubeApi } from "./kube-api.js";

/** The controller's own pod: the same in every request, whichever namespace it is for. */
export interface ControllerPod {
  readonly name: string;
  readonly uid: string;
}

export interface SyncRequest {
  readonly pod: ControllerPod;
  readonly namespace: string;
  readonly serviceAccount: string;
  /** The class's parameters. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * One Mount as the secrets-store-sync-controller sends it (v0.0.4, secretsync_controller.go and provider_client.go): the
 * service account's token is not bound to a pod, and the second audience's key has a space before it.
 */
export async function syncMount(
  socket: string,
  kube: KubeApi,
  { pod, namespace, serviceAccount, parameters }: SyncRequest,
): Promise<MountResponse> {
  const account = { namespace, name: serviceAccount };
  const tokens = {
    openbao: await kube.token(account, { audience: "openbao", seconds: 600 }),
    " vault": await kube.token(account, { audience: "vault", seconds: 600 }),
  };
  const attributes = {
    ...parameters,
    "csi.storage.k8s.io/pod.name": pod.name,
    "csi.storage.k8s.io/pod.uid": pod.uid,
    "csi.storage.k8s.io/pod.namespace": namespace,
    "csi.storage.k8s.io/serviceAccount.name": serviceAccount,
    "csi.storage.k8s.io/serviceAccount.tokens": JSON.stringify(tokens),
  };
  const client = new CSIDriverProviderClient(`unix://${socket}`, credentials.createInsecure());
  const request = {
    attributes: JSON.stringify(attributes),
    secrets: "{}",
    permission: "420",
    targetPath: "/mnt/secrets-store",
    currentObjectVersion: [],
  };
  try {
    return await new Promise((resolve, reject) => {
      client.mount(request, (error, response) => (error ? reject(error) : resolve(response)));
    });
  } finally {
    client.close();
  }
}
