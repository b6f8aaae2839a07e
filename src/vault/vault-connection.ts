import type { Connection } from "../config/connection.js";
import type { Clock } from "../shared/clock.js";
import type { Random } from "../shared/random.js";
import { SingleFlight } from "../shared/single-flight.js";
import { CircuitBreaker, type CircuitTarget } from "./circuit-breaker.js";
import { ConcurrencyLimiter, type Slot } from "./concurrency-limiter.js";
import { type Endpoint, Endpoints } from "./endpoints.js";
import { engineOf } from "./engine.js";
import { type Failure, final } from "./failure.js";
import { type Answered, NodeClient, type Outcome } from "./node-client.js";
import { isForRecovery } from "./node-health.js";
import { type Operation, type OperationKind, isRepeatable } from "./operation.js";
import { disasterRecovery, sealed, uninitialised } from "./node-failures.js";
import type { VaultQuestion } from "./through-node-vault.js";
import type { Caller } from "./vault-client.js";
import { VaultError, type VaultErrorKind } from "./vault-error.js";
import type { ConnectionEvent } from "./vault-event.js";

export interface VaultConnectionParts {
  clock: Clock;
  random: Random;
  emit: (event: ConnectionEvent) => void;
  /** In the place of HTTP: `npm run fleet` asks a Vault that only counts. */
  nodes?: (connection: Connection) => VaultNodes;
}

/** What asks the nodes of a connection. */
export type VaultNodes = Pick<NodeClient, "ask" | "askHealth" | "endIdle" | "close">;

/** How busy a connection is: requests in flight, how many wait, and how many circuits are open. */
export interface ConnectionLoad {
  inFlight: number;
  waiting: number;
  openCircuits: number;
}

/** One call: what it asks, for whom, and what it has tried so far. */
interface Call {
  readonly operation: Operation;
  readonly question: VaultQuestion;
  readonly target: CircuitTarget;
  readonly slot: Slot;
  readonly tried: Set<string>;
  redirectTo: string | undefined;
}

const maxRetries = 2;
/** The first delay is drawn from up to this, the second from up to twice as much. */
const retryCeilingMs = 500;
/** What has taken longer already is not asked of the same node again. */
const passingMs = 5_000;
/** So long a node's word that it is well is believed. */
const wellMs = 1_000;

/** One connection at work: which node is asked, when, and whether once more. */
export class VaultConnection {
  readonly #connection: Connection;
  readonly #parts: VaultConnectionParts;
  readonly #limiter: ConcurrencyLimiter;
  readonly #breaker: CircuitBreaker;
  readonly #endpoints: Endpoints;
  readonly #client: VaultNodes;
  readonly #healthChecks = new SingleFlight<Outcome>();
  #fault: string | undefined;

  constructor(connection: Connection, parts: VaultConnectionParts) {
    const { name, limits, addresses } = connection;
    const origins = addresses.map(({ origin }) => origin);
    this.#connection = connection;
    this.#parts = parts;
    this.#limiter = new ConcurrencyLimiter(limits, parts.clock);
    this.#breaker = new CircuitBreaker(parts.random);
    this.#endpoints = new Endpoints(name, origins, parts.random);
    this.#client = parts.nodes?.(connection) ?? new NodeClient(connection, parts);
  }

  /** A fault that only the administrator can fix, until a request is answered again. */
  get fault(): string | undefined {
    return this.#fault;
  }

  get load(): ConnectionLoad {
    return { ...this.#limiter.load, openCircuits: this.#breaker.openCount(this.#now()) };
  }

  close(): void {
    this.#client.close();
  }

  /** Identifies the node that would be asked next, so that a fault of the configuration shows before a pod asks. */
  async identify(signal: AbortSignal): Promise<void> {
    const chosen = this.#endpoints.choose(new Set(), undefined, this.#now());
    if ("error" in chosen || chosen.endpoint.identified) return;
    const failure = await this.#identify(chosen.endpoint, signal);
    if (failure) this.#noteHealth(chosen.endpoint, failure);
    this.#noteFault(failure);
  }

  /**
   * Asks, and up to twice again where that can do no harm: at once where another node has not been tried, else after a
   * drawn delay. Throws a `VaultError` for every failure, `limit_exceeded`, or the signal's reason.
   */
  async ask(operation: Operation, question: VaultQuestion, caller: Caller, signal: AbortSignal): Promise<Answered> {
    const call = callOf(operation, question, caller);
    const startedAt = this.#now();
    for (let retries = 0; ; retries += 1) {
      const refusal = this.#breaker.refusal(call.target, this.#now());
      if (refusal) throw refusal;
      const outcome = await this.#limiter.run(
        call.slot,
        (slot) => this.#attempt(call, slot),
        () => this.#cutOff(call),
        signal,
      );
      if ("reply" in outcome) return outcome;
      const pause = retries < maxRetries ? this.#pauseBefore(retries, call, outcome, startedAt) : undefined;
      if (pause === undefined) throw outcome.error;
      call.redirectTo = outcome.redirectTo;
      if (pause > 0) await this.#parts.clock.sleep(pause, signal);
    }
  }

  /** Milliseconds until the next attempt; `undefined` where none may help. */
  #pauseBefore(retries: number, call: Call, failure: Failure, startedAt: number): number | undefined {
    const { retry, scope, redirectTo } = failure;
    if (retry === "never" || (retry === "repeatable" && !isRepeatable(call.operation))) return undefined;
    const now = this.#now();
    const elapsed = now - startedAt;
    if (scope !== "engine" && (redirectTo !== undefined || this.#endpoints.hasOthers(call.tried, now))) {
      return elapsed < this.#connection.limits.requestTimeoutMs ? 0 : undefined;
    }
    const drawn = this.#parts.random() * retryCeilingMs * 2 ** retries;
    const pause = Math.max(drawn, this.#endpoints.shortestRestMs(now));
    return retry !== "elsewhere" && elapsed + pause < passingMs ? pause : undefined;
  }

  async #attempt(call: Call, signal: AbortSignal): Promise<Outcome> {
    const now = this.#now();
    const chosen = this.#endpoints.choose(call.tried, call.redirectTo, now);
    if ("error" in chosen) {
      // A short rest is waited out; in a long one, hundreds of Mounts do not wait each.
      const retry = this.#endpoints.shortestRestMs(now) <= retryCeilingMs ? "always" : "never";
      return { error: chosen.error, retry, scope: "node" };
    }
    const refusal = this.#breaker.admit(call.target, now);
    if (refusal) return final(refusal);
    const { endpoint } = chosen;
    call.tried.add(endpoint.origin);
    try {
      const unmet = endpoint.identified ? undefined : await this.#identify(endpoint, signal);
      const outcome = unmet ?? (await this.#exchange(call, endpoint, signal));
      if ("reply" in outcome || outcome.scope === "request") endpoint.answeredAt = this.#now();
      this.#noteHealth(endpoint, outcome);
      this.#noteFault(outcome);
      this.#noteCircuit(call.target, outcome);
      return outcome;
    } catch (reason) {
      this.#breaker.undecided(call.target);
      throw reason;
    }
  }

  #exchange(call: Call, endpoint: Endpoint, signal: AbortSignal): Promise<Outcome> {
    const { operation, question, target } = call;
    const patient = !isRepeatable(operation) || this.#breaker.timedOut(target);
    const askedAt = this.#now();
    const outcome = this.#client.ask(endpoint.origin, operation, question, patient, signal);
    const settle = (failure: Failure) => this.#settle(call, endpoint, failure, askedAt, signal);
    return this.#observed(operation.kind, outcome, signal, settle);
  }

  /** Tells what became of a request that was just begun, once that is settled, and how long its answer took. */
  async #observed(
    kind: OperationKind | "health",
    asked: Promise<Outcome>,
    signal: AbortSignal,
    settle?: (failure: Failure) => Promise<Failure>,
  ): Promise<Outcome> {
    const startedAt = this.#now();
    let answeredAt: number | undefined;
    const tell = (outcome: "ok" | "cancelled" | VaultErrorKind) => {
      const ms = (answeredAt ?? this.#now()) - startedAt;
      this.#parts.emit({ kind: "vaultRequested", connection: this.#connection.name, operation: kind, outcome, ms });
    };
    try {
      const answer = await asked;
      answeredAt = this.#now();
      const isSettled = !settle || "reply" in answer || answer.scope !== "unsettled";
      const outcome = isSettled ? answer : await settle(answer);
      tell("reply" in outcome ? "ok" : outcome.error.kind);
      return outcome;
    } catch (reason) {
      if (signal.aborted) tell("cancelled");
      throw reason;
    }
  }

  /** Before a node is first told a secret, and again after it failed, it says how it is and which cluster it is of. */
  async #identify(endpoint: Endpoint, signal: AbortSignal): Promise<Failure | undefined> {
    const health = await this.#health(endpoint, Number.NEGATIVE_INFINITY, signal);
    if (!("reply" in health)) return { ...health, scope: "node" };
    if (isForRecovery(health.reply.body)) return disasterRecovery(health.reply.status, endpoint.origin);
    const id = health.reply.body?.["cluster_id"];
    const foreign = this.#endpoints.identify(endpoint, typeof id === "string" && id !== "" ? id : undefined);
    return foreign && { error: foreign, retry: "elsewhere", scope: "node" };
  }

  /** Whose a failure is that a path alone may have brought about: the node's own word decides. */
  async #settle(
    call: Call,
    endpoint: Endpoint,
    failure: Failure,
    askedAt: number,
    signal: AbortSignal,
  ): Promise<Failure> {
    const health = await this.#health(endpoint, askedAt, signal);
    if (!("reply" in health)) return health.error.kind === "configuration" ? health : { ...failure, scope: "node" };
    const node = unwell(health, endpoint.origin);
    if (node) return node;
    // Only a standby can lack a leader, or send us to it; all else comes from where it hands the request on to.
    const isStandby = health.reply.body?.["standby"] === true;
    const mayLackLeader = isStandby && (endpoint.answeredAt ?? -Infinity) < askedAt;
    if (isStandby && failure.ofLeader) return { ...failure, scope: "node" };
    return engineFault(call, failure, typeof health.reply.body?.["initialized"] === "boolean", mayLackLeader);
  }

  /** What a node said a moment ago is not asked for again, if it said it `since`. */
  async #health(endpoint: Endpoint, since: number, signal: AbortSignal): Promise<Outcome> {
    const { lastHealth } = endpoint;
    const isFresh = lastHealth && lastHealth.requestedAt > since && this.#now() - lastHealth.requestedAt < wellMs;
    if (isFresh) return lastHealth;
    const ask = (asking: AbortSignal) =>
      this.#observed("health", this.#client.askHealth(endpoint.origin, asking), asking);
    const health = await this.#healthChecks.run(endpoint.origin, ask, { lasting: () => false }, signal);
    if ("reply" in health) endpoint.lastHealth = health;
    return health;
  }

  /** That says nothing of the path: Vault itself may be slow. */
  #cutOff({ operation }: Call): Failure {
    const { method, path } = operation;
    const error = new VaultError(
      "engine",
      `${method} ${path} had no answer after a second and was cut off, for others waited; is what it talks to slow?`,
    );
    return { error, retry: "never", scope: "engine" };
  }

  #noteHealth(endpoint: Endpoint, outcome: Outcome): void {
    const from = this.#endpoints.preferred;
    const isBetterElsewhere =
      "error" in outcome && (outcome.redirectTo !== undefined || outcome.timedOutAtStandby === true);
    if (isBetterElsewhere) this.#endpoints.avoid(endpoint);
    else if ("reply" in outcome || outcome.scope !== "node") this.#endpoints.succeeded(endpoint);
    else this.#endpoints.failed(endpoint, outcome.error, this.#now());
    // Behind a balancer another node may answer at the same address.
    if ("error" in outcome && outcome.timedOutAtStandby) this.#client.endIdle(endpoint.origin);
    const to = this.#endpoints.preferred;
    if (from === to) return;
    const reason = "reply" in outcome ? `${to} answers` : outcome.error.message;
    this.#parts.emit({ kind: "failedOver", connection: this.#connection.name, from, to, reason });
  }

  #noteCircuit(target: CircuitTarget, outcome: Outcome): void {
    if ("reply" in outcome || outcome.scope === "request") this.#breaker.succeeded(target);
    else if (outcome.scope === "node" || this.#isStandbys(outcome)) this.#breaker.undecided(target);
    else this.#breaker.failed(target, outcome.error, outcome.timedOut === true, this.#now());
  }

  /** Whether the failure may be that of a standby alone: the next request is another address's. */
  #isStandbys({ timedOutAtStandby }: Failure): boolean {
    return timedOutAtStandby === true && this.#connection.addresses.length > 1;
  }

  #noteFault(outcome: Outcome | undefined): void {
    if (!outcome || "reply" in outcome || outcome.scope !== "node") this.#setFault(undefined);
    else if (outcome.error.kind === "configuration") this.#setFault(outcome.error.message);
  }

  #setFault(fault: string | undefined): void {
    const news = (fault === undefined) !== (this.#fault === undefined);
    this.#fault = fault;
    if (news) this.#parts.emit({ kind: "faultChanged", connection: this.#connection.name, fault });
  }

  #now(): number {
    return this.#parts.clock.monotonic();
  }
}

const slotKinds: Partial<Record<OperationKind, Slot["kind"]>> = { login: "login", issue: "create" };

function callOf(operation: Operation, question: VaultQuestion, caller: Caller): Call {
  const { path, subject = path, vaultNamespace } = operation;
  const { namespace, pod, priority } = caller;
  const engine = engineOf(subject);
  const kind = slotKinds[operation.kind] ?? "read";
  // A failure to create a credential says nothing about renewals, nor the other way round.
  const ofKept = ["renew", "revoke", "lookup"].includes(operation.kind) ? `${operation.kind} ` : "";
  return {
    operation,
    question,
    target: { namespace, vaultNamespace, engine: `${ofKept}${engine}`, path: `${ofKept}${subject}` },
    slot: { namespace, priority, engine: `${vaultNamespace}/${engine}`, kind, ...(pod !== undefined && { pod }) },
    tried: new Set(),
    redirectTo: undefined,
  };
}

/** What a node says of itself that keeps it from serving anything. */
function unwell({ reply: { status, body } }: Answered, origin: string): Failure | undefined {
  // Such a one says that it is sealed, too.
  if (body?.["initialized"] === false) return uninitialised(status, origin);
  if (body?.["sealed"] === true) return sealed(status, origin);
  return isForRecovery(body) ? disasterRecovery(status, origin) : undefined;
}

/**
 * No fault of the node's is known: the failure is that of what stands behind the path, which may have done what it was asked, or
 * before it. What took its time already is not asked twice. A standby that was cut off from its leader goes on forwarding, says
 * that it is well, and lets what it forwards hang (Vault 1.21.1: e2e/cluster/cases/raft.test.ts); then it answers nothing else either.
 */
function engineFault(
  { operation: { method, path } }: Call,
  failure: Failure,
  isVaultsHealth: boolean,
  mayLackLeader: boolean,
): Failure {
  const { error, timedOut, retry } = failure;
  const kind = error.kind === "protocol" ? "protocol" : "engine";
  const timedOutAtStandby = mayLackLeader && timedOut === true;
  const leader = timedOutAtStandby ? ", or the leader that it forwards to out of its reach" : "";
  const well =
    kind === "protocol"
      ? "though it answers sys/health as Vault does; something before Vault (a proxy, gateway or mesh) may answer this path itself"
      : `though it says that it is well; what this path talks to may be down or slow${leader}`;
  const besides = isVaultsHealth ? well : "and sys/health not as Vault does either; is Vault behind this address?";
  return {
    error: new VaultError(kind, `${error.message} (${method} ${path}), ${besides}`, { status: error.status }),
    retry: timedOut ? "never" : retry === "always" ? "repeatable" : retry,
    scope: "engine",
    ...(timedOut && { timedOut }),
    ...(timedOutAtStandby && { timedOutAtStandby }),
  };
}
