import { type Answer, badRequest, nothing, Refusal } from "./answer.js";
import { text } from "./fields.js";
import { toSeconds } from "./go-time.js";
import type { Product } from "./product.js";
import type { LoggedRequest } from "./request-log.js";
import type { VaultCluster } from "./vault-cluster.js";

/**
 * What a node is to its cluster. A standby forwards; `leaderless` and `misled` are what a standby does in the gap after
 * its leader died: it answers that there is no leader, or still redirects clients to the dead one.
 */
export type Standing = "active" | "standby" | "leaderless" | "misled";

/** One node's own state, and the paths that tell and change it without regard to the cluster. */
export class NodeStatus {
  standing: Standing = "active";
  sealed = false;
  initialised = true;
  /** The node that leads, as far as this one knows; empty where there is only one. */
  leaderAddress = "";
  readonly unsealKey: string;
  readonly #cluster: VaultCluster;

  constructor(cluster: VaultCluster, unsealKey: string) {
    this.#cluster = cluster;
    this.unsealKey = unsealKey;
  }

  /** Answers the paths that are this node's alone; `undefined` for all others. */
  answer({ method, path, query, body }: LoggedRequest): Answer | undefined {
    const isWrite = method === "PUT" || method === "POST";
    switch (path) {
      case "sys/health":
        return onlyFor(method === "GET" || method === "HEAD", () => this.#health(new URLSearchParams(query)));
      case "sys/seal-status":
        return onlyFor(method === "GET", () => this.#sealStatus());
      case "sys/leader":
        return onlyFor(method === "GET", () => bare(this.#leader()));
      case "sys/init":
        return onlyFor(method === "GET", () => bare({ initialized: this.initialised }));
      case "sys/unseal":
        return onlyFor(isWrite, () => this.#unseal(text(body, "key")));
      default:
        return undefined;
    }
  }

  /** Throws what a node answers that is no use to anyone at the moment. */
  refuseIfUseless(): void {
    if (!this.initialised || this.sealed) throw new Refusal(503, ["Vault is sealed"]);
    if (this.standing === "leaderless") {
      throw new Refusal(500, ["local node not active but active cluster node not found"]);
    }
  }

  /** `sys/seal`, once it is known that the asker may. */
  seal(): Answer {
    this.sealed = true;
    return nothing;
  }

  #leader(): Record<string, unknown> {
    const inCluster = this.leaderAddress !== "" && !this.sealed;
    return {
      ha_enabled: this.leaderAddress !== "",
      is_self: inCluster && this.standing === "active",
      active_time: "0001-01-01T00:00:00Z",
      leader_address: inCluster && this.standing !== "leaderless" ? this.leaderAddress : "",
      leader_cluster_address: "",
      performance_standby: false,
      performance_standby_last_remote_wal: 0,
    };
  }

  #health(query: URLSearchParams): Answer {
    const standby = this.standing !== "active" && !this.sealed;
    const asked = (name: string, otherwise: number) => Number(query.get(name) ?? otherwise);
    const standbyCode = query.get("standbyok") === "true" ? asked("activecode", 200) : asked("standbycode", 429);
    const status = !this.initialised
      ? asked("uninitcode", 501)
      : this.sealed
        ? asked("sealedcode", 503)
        : standby
          ? standbyCode
          : asked("activecode", 200);
    const known = !this.sealed && this.initialised;
    const { product, release } = this.#cluster;
    const body = {
      initialized: this.initialised,
      sealed: this.sealed || !this.initialised,
      standby: standby || !known,
      performance_standby: false,
      replication_performance_mode: known ? "disabled" : "unknown",
      replication_dr_mode: known ? "disabled" : "unknown",
      server_time_utc: toSeconds(this.#cluster.clock.wall()),
      version: release.version,
      enterprise: false,
      ...(known && { cluster_name: this.#cluster.name, cluster_id: this.#cluster.id }),
      echo_duration_ms: 0,
      clock_skew_ms: 0,
      replication_primary_canary_age_ms: 0,
      ...(standby && {
        ha_connection_healthy: this.standing === "standby",
        last_request_forwarding_heartbeat_ms: 0,
        removed_from_cluster: false,
      }),
    };
    const fields = Object.entries(body).filter(([field]) => !absentFields[product].includes(field));
    return { status, bare: { contentType: "application/json", body: Object.fromEntries(fields) } };
  }

  #sealStatus(): Answer {
    const known = !this.sealed && this.initialised;
    return bare({
      type: "shamir",
      initialized: this.initialised,
      sealed: this.sealed || !this.initialised,
      t: 1,
      n: 1,
      progress: 0,
      nonce: "",
      version: this.#cluster.release.version,
      build_date: this.#cluster.release.buildDate,
      migration: false,
      ...(known && { cluster_name: this.#cluster.name, cluster_id: this.#cluster.id }),
      recovery_seal: false,
      storage_type: "inmem",
    });
  }

  #unseal(key: string): Answer {
    if (key === "") throw badRequest("'key' must be specified in request body as JSON, or 'reset' set to true");
    if (!/^([0-9a-f]{64}|[\w+/]{43}=)$/i.test(key)) throw badRequest("'key' must be a valid hex or base64 string");
    if (key !== this.unsealKey) {
      throw badRequest(
        "unable to retrieve stored keys: invalid key: failed to decrypt keys from storage: error decrypting seal wrapped value\nerror decrypting using seal shamir: cipher: message authentication failed",
      );
    }
    this.sealed = false;
    return this.#sealStatus();
  }
}

/** Fields of `sys/health` that a product does not have. */
const absentFields: Record<Product, readonly string[]> = {
  vault: [],
  openbao: [
    "performance_standby",
    "enterprise",
    "echo_duration_ms",
    "clock_skew_ms",
    "replication_primary_canary_age_ms",
    "ha_connection_healthy",
    "last_request_forwarding_heartbeat_ms",
    "removed_from_cluster",
  ],
};

function onlyFor(allowed: boolean, answer: () => Answer): Answer {
  if (!allowed) throw new Refusal(405, []);
  return answer();
}

const bare = (body: Record<string, unknown>): Answer => ({ bare: { contentType: "application/json", body } });
