import type { KubeAccess } from "../../stack/kube-api.js";
import type { Binaries } from "../../stack/programs.js";
import type { VaultAccess } from "../../stack/vault-api.js";

/** What one run of the cluster's tests shares. Plain data: vitest hands it to every test process. */
export interface Cluster {
  readonly binaries: Binaries;
  readonly directory: string;
  readonly logs: string;
  /** Whether everything stays up after a file's tests, for inspection, until Ctrl-C. */
  readonly keep: boolean;
  readonly kubernetes: KubeAccess;
  readonly kubeconfig: string;
  /** Where etcd's HTTP answers: what is at rest there is read past the API server. */
  readonly etcd: string;
  /** File of the key that signs service account tokens. PEM. */
  readonly serviceAccountKey: string;
  /** TLS, with a CA of its own that keymount knows from the chart. */
  readonly vault: VaultAccess & { readonly auditLog: string };
  /** An OCI archive, not yet on the node. */
  readonly vaultImage: string;
  readonly containerd: string;
  /** The kubelet's root on the node. */
  readonly nodeRoot: string;
  /** Where the service controller listens. */
  readonly servicesSocket: string;
}

declare module "vitest" {
  export interface ProvidedContext {
    cluster: Cluster;
  }
}
