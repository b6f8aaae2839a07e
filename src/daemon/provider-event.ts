import type { Connection } from "../config/connection.js";
import type { KubeEvent } from "../kube/kube-event.js";
import type { CredentialEvent } from "../leases/credential-event.js";
import type { MountSpec } from "../mount/mount-spec.js";
import type { MountedVolume } from "../mount/mount-volume.js";
import type { RpcEvent } from "../rpc/rpc-event.js";
import type { ProviderError } from "../shared/errors.js";
import type { ConnectionEvent, TokenEvent } from "../vault/vault-event.js";
import type { WorkerEvent } from "../render/worker-event.js";
import type { ReaperEvent } from "./pod-reaper.js";
import type { ClusterKeyEvent } from "./cluster-key.js";
import type { StateOwnerEvent } from "./state-owner.js";

/** How Mounts come along. */
export type MountEvent =
  /** The request could be read; nothing has been asked of Vault. */
  | { kind: "classRead"; spec: MountSpec; connection: Connection }
  /** It is answered with files. */
  | { kind: "mounted"; spec: MountSpec; volume: MountedVolume }
  | { kind: "mountFailed"; targetPath: string; error: ProviderError };

/** Everything that happens in keymount and is logged, counted or told to pods: `event-reports.ts` says how each is. */
export type ProviderEvent =
  | ConnectionEvent
  | TokenEvent
  | CredentialEvent
  | KubeEvent
  | RpcEvent
  | StateOwnerEvent
  | ClusterKeyEvent
  | ReaperEvent
  | WorkerEvent
  | MountEvent
  | { kind: "taskFailed"; error: unknown };
