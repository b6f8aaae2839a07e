import { totalmem } from "node:os";
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import { knownEngine } from "./engines.js";
import { type Inventory, registerInventory } from "./inventory.js";

/** From a republish out of memory to a first mount that waits for a failover. */
const mountBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 90];
const requestBuckets = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20];

/** From a small template to the time that a task has. */
const workBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** Outcomes of a request that mean that the server cannot answer it. */
const downOutcomes: ReadonlySet<string> = new Set(["outage", "sealed", "configuration"]);

/** Without a limit the kernel gives a number beyond all memory. */
function memoryLimit(): number {
  const limit = process.constrainedMemory();
  return limit < totalmem() ? limit : 0;
}

/** All counters, under stable names. No label grows with pods, namespaces or paths. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #mounts: Counter<"outcome">;
  readonly #mountSeconds: Histogram<"outcome">;
  readonly #requests: Counter<"connection" | "kind" | "outcome">;
  readonly #requestSeconds: Histogram<"connection" | "kind">;
  readonly #up: Gauge<"connection">;
  readonly #logins: Counter<"connection" | "outcome">;
  readonly #revocations: Counter<"connection" | "outcome">;
  readonly #limits: Counter<"limit">;
  readonly #staleObjects: Counter<"connection" | "reason">;
  readonly #offline: Counter<"connection" | "reason">;
  readonly #failovers: Counter<"connection">;
  readonly #tlsRejections: Counter<"connection">;
  readonly #events: Counter<"outcome">;
  readonly #renewals: Counter<"connection" | "engine" | "outcome">;
  readonly #made: Counter<"connection" | "engine" | "reason">;
  readonly #orphaned: Counter<"connection" | "engine">;
  readonly #records: Counter<"outcome">;
  readonly #workerEnds: Counter;
  readonly #workSeconds: Histogram<"kind" | "outcome">;
  readonly #uncaught: Counter;
  readonly #setInventory: (inventory: Inventory) => void;

  constructor(version: string) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: 20 });
    this.#mounts = new Counter({
      name: "keymount_mounts_total",
      help: "Mounts by outcome: changed, unchanged, stale, or the error's code",
      labelNames: ["outcome"],
      registers,
    });
    this.#mountSeconds = new Histogram({
      name: "keymount_mount_duration_seconds",
      help: "Time to answer a Mount: changed, unchanged, stale or failed",
      labelNames: ["outcome"],
      buckets: mountBuckets,
      registers,
    });
    this.#requests = new Counter({
      name: "keymount_vault_requests_total",
      help: "Requests to Vault by operation and outcome",
      labelNames: ["connection", "kind", "outcome"],
      registers,
    });
    this.#requestSeconds = new Histogram({
      name: "keymount_vault_request_duration_seconds",
      help: "Time of a request to Vault, waiting for its turn left out",
      labelNames: ["connection", "kind"],
      buckets: requestBuckets,
      registers,
    });
    this.#up = new Gauge({
      name: "keymount_vault_up",
      help: "1 when Vault answered the last request, 0 when it could not",
      labelNames: ["connection"],
      registers,
    });
    this.#logins = new Counter({
      name: "keymount_logins_total",
      help: "Logins by outcome: ok, or the error's code",
      labelNames: ["connection", "outcome"],
      registers,
    });
    this.#revocations = new Counter({
      name: "keymount_tokens_revoked_total",
      help: "Tokens revoked because they are not needed any more, and their leases with them: ok, or failed, which end with their time",
      labelNames: ["connection", "outcome"],
      registers,
    });
    this.#staleObjects = new Counter({
      name: "keymount_stale_served_total",
      help: "Stale answers served because a read failed, by the error's code",
      labelNames: ["connection", "reason"],
      registers,
    });
    this.#offline = new Counter({
      name: "keymount_offline_served_total",
      help: "Secrets served from their offline copies because Vault was away, by the error's code",
      labelNames: ["connection", "reason"],
      registers,
    });
    this.#limits = new Counter({
      name: "keymount_limit_refusals_total",
      help: "Answers and credentials refused because a limit, or a namespace's share in it, was reached: bytes, volumes, inFlightBytes, mount, record, offline",
      labelNames: ["limit"],
      registers,
    });
    this.#failovers = new Counter({
      name: "keymount_failovers_total",
      help: "Times another address of a connection was taken",
      labelNames: ["connection"],
      registers,
    });
    this.#tlsRejections = new Counter({
      name: "keymount_tls_files_rejected_total",
      help: "New TLS files that could not be used; the old ones stay",
      labelNames: ["connection"],
      registers,
    });
    this.#events = new Counter({
      name: "keymount_events_total",
      help: "Kubernetes events of pods: written, or lost because there were too many or the API server took none",
      labelNames: ["outcome"],
      registers,
    });
    this.#renewals = new Counter({
      name: "keymount_renewals_total",
      help: "Renewals of tokens and leases: ok, final (no renewal moves the end any more), later (tried again) or gone",
      labelNames: ["connection", "engine", "outcome"],
      registers,
    });
    this.#made = new Counter({
      name: "keymount_credentials_made_total",
      help: "Leases and certificates that Vault made for a Mount: new, or a replacement",
      labelNames: ["connection", "engine", "reason"],
      registers,
    });
    this.#orphaned = new Counter({
      name: "keymount_credentials_orphaned_total",
      help: "Credentials that no volume holds and that may live on until their time",
      labelNames: ["connection", "engine"],
      registers,
    });
    this.#records = new Counter({
      name: "keymount_state_records_total",
      help: "Records of the state directory that were restored, set aside, dropped, or could not be written",
      labelNames: ["outcome"],
      registers,
    });
    this.#workSeconds = new Histogram({
      name: "keymount_worker_duration_seconds",
      help: "Time the worker process took to make a template's or a keystore's file",
      labelNames: ["kind", "outcome"],
      buckets: workBuckets,
      registers,
    });
    this.#workerEnds = new Counter({
      name: "keymount_worker_exits_total",
      help: "Worker processes that ended before their time; the next file has another started",
      labelNames: ["reason"],
      registers,
    });
    this.#uncaught = new Counter({
      name: "keymount_uncaught_exceptions_total",
      help: "Errors that nothing caught; each fails the call it belongs to, and is a fault of keymount's",
      registers,
    });
    new Gauge({ name: "keymount_build_info", help: "Always 1", labelNames: ["version"], registers }).set(
      { version },
      1,
    );
    new Gauge({
      name: "keymount_memory_limit_bytes",
      help: "The memory limit of keymount's cgroup; 0 without one",
      registers,
    }).set(memoryLimit());
    this.#setInventory = registerInventory(this.#registry);
  }

  /** The media type of `scrape`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** In the exposition format of Prometheus. */
  scrape(inventory: Inventory): Promise<string> {
    this.#setInventory(inventory);
    return this.#registry.metrics();
  }

  mounted(outcome: string, seconds: number): void {
    this.#mounts.inc({ outcome });
    const kind = ["changed", "unchanged", "stale"].includes(outcome) ? outcome : "failed";
    this.#mountSeconds.observe({ outcome: kind }, seconds);
  }

  vaultRequest(connection: string, kind: string, outcome: string, seconds: number): void {
    this.#requests.inc({ connection, kind, outcome });
    if (outcome === "cancelled") return;
    this.#requestSeconds.observe({ connection, kind }, seconds);
    this.#up.set({ connection }, downOutcomes.has(outcome) ? 0 : 1);
  }

  login(connection: string, outcome: string): void {
    this.#logins.inc({ connection, outcome });
  }

  tokenRevoked(connection: string, ok: boolean): void {
    this.#revocations.inc({ connection, outcome: ok ? "ok" : "failed" });
  }

  renewal(connection: string, engine: string, outcome: "ok" | "final" | "later" | "gone"): void {
    this.#renewals.inc({ connection, engine: knownEngine(engine), outcome });
  }

  credentialMade(connection: string, engine: string, reason: "new" | "replacement"): void {
    this.#made.inc({ connection, engine: knownEngine(engine), reason });
  }

  orphaned(connection: string, engine: string, count = 1): void {
    this.#orphaned.inc({ connection, engine: knownEngine(engine) }, count);
  }

  stateRecord(outcome: "restored" | "set_aside" | "dropped" | "not_written", count = 1): void {
    this.#records.inc({ outcome }, count);
  }

  worked(kind: string, outcome: string, seconds: number): void {
    this.#workSeconds.observe({ kind, outcome }, seconds);
  }

  workerEnded(reason: "timeout" | "memory" | "crash" | "start"): void {
    this.#workerEnds.inc({ reason });
  }

  staleServed(connection: string, reason: string): void {
    this.#staleObjects.inc({ connection, reason });
  }

  offlineServed(connection: string, reason: string): void {
    this.#offline.inc({ connection, reason });
  }

  limitReached(limit: string): void {
    this.#limits.inc({ limit });
  }

  failedOver(connection: string): void {
    this.#failovers.inc({ connection });
  }

  tlsFilesRejected(connection: string): void {
    this.#tlsRejections.inc({ connection });
  }

  uncaughtException(): void {
    this.#uncaught.inc();
  }

  event(outcome: "written" | "lost"): void {
    this.#events.inc({ outcome });
  }
}
