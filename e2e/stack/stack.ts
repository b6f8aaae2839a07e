import type { KubeAccess } from "./kube-api.js";
import type { Binaries } from "./programs.js";
import type { VaultAccess } from "./vault-api.js";

/** What one run of the tests shares. Plain data: vitest hands it to every test process. */
export interface Stack {
  readonly binaries: Binaries;
  /** The run's own folder, short because the sockets below it must fit in 107 bytes. Removed at the end. */
  readonly directory: string;
  /** Where every program of the run writes; kept when a test fails. */
  readonly logs: string;
  /** Whether everything stays up after a file's tests, for inspection, until Ctrl-C. */
  readonly keep: boolean;
  /** The csi.proto that the driver was built with. */
  readonly csiProto: string;
  /** 32 random bytes: the cluster's key, which every instance of keymount on every node is given. */
  readonly keyFile: string;
  readonly kubernetes: KubeAccess;
  /** A dev server that judges tokens by the API server, and writes an audit log. */
  readonly vault: VaultAccess & { readonly auditLog: string };
}

declare module "vitest" {
  export interface ProvidedContext {
    stack: Stack;
  }
}
