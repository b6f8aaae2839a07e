import type { Answer, Data } from "./answer.js";
import type { Namespace } from "./namespaces.js";
import type { Token } from "./token-store.js";

export type Operation = "read" | "list" | "scan" | "update" | "patch" | "delete";

/** A request as an engine sees it: who asks is settled, the path starts below the mount. */
export interface EngineRequest {
  readonly operation: Operation;
  readonly path: string;
  readonly query: URLSearchParams;
  /** The JSON sent, numbers as `LosslessNumber`; empty when none was. */
  readonly body: Data;
  /** Where the engine is mounted, with its trailing slash (`kv/`, `auth/jwt/`). */
  readonly mount: string;
  /** Where it is mounted, and where what it issues belongs. */
  readonly namespace: Namespace;
  /** Of a standby that reads for itself: what was written later (milliseconds since the epoch) has not reached it. */
  readonly asOf?: number;
  /** Policies do not apply to the path. Vault then writes an engine's own errors without a count of them. */
  readonly open: boolean;
  /** Absent on public paths, and where none was sent to a path that judges its askers itself. */
  readonly token?: Token;
}

/** A secrets engine or an auth method. Throws `Refusal`. */
export interface Engine {
  /** As `mount_type` in answers. */
  readonly type: string;
  handle(request: EngineRequest): Answer | Promise<Answer>;
  /** Paths that need no token. */
  isPublic?(path: string): boolean;
  /** Paths that decide themselves what a token, or a request without one, may see: policies do not apply to them. */
  judgesAskers?(path: string): boolean;
  /** Whether a write creates (the capability `create`) or changes (`update`). Without it every write is an update. */
  exists?(path: string): boolean;
}
