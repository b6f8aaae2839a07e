import type { MountSummary } from "../mount/mount-summary.js";
import type { ProviderError } from "../shared/errors.js";
import type { SocketState } from "./socket-keeper.js";
import type { CallEnd } from "./unary.js";

/** What happens at the driver's sockets: one event for every call that reached the service, answered or refused. */
export type RpcEvent =
  | ({ kind: "versionCalled" } & CallEnd<undefined>)
  | ({ kind: "mountCalled" } & CallEnd<MountSummary>)
  /** A socket is in place, taken by another, or lost. */
  | { kind: "socketChanged"; socket: string; state: SocketState; error?: ProviderError | undefined };
