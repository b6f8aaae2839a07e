import type { Connection } from "../config/connection.js";
import type { Clock } from "../shared/clock.js";
import type { Random } from "../shared/random.js";
import { SharedWork } from "../shared/shared-work.js";
import type { Strain } from "./allowance.js";
import type { Failure } from "./failure.js";
import { Governor } from "./governor.js";
import { type Answered, Line, type Outcome } from "./line.js";
import { type Node, Nodes } from "./nodes.js";
import { type Operation, isRepeatable } from "./operation.js";
import type { VaultQuestion } from "./through-node-vault.js";
import type { Caller } from "./vault-client.js";
import type { VaultObserver } from "./vault-observer.js";

export interface UpstreamParts {
  clock: Clock;
  random: Random;
  observer: VaultObserver;
}

/** What one call has tried so far. */
interface Call {
  tried: Set<string>;
  redirectTo: string | undefined;
}

const maxRetries = 2;
/** The first delay is drawn from up to this, the second from up to twice as much. */
const retryCeilingMs = 500;
const passingMs = 5_000;
/** What should be quick and takes longer says that the server struggles. */
const slowMs = 2_000;

/** One connection at work: which node is asked, when, and whether once more. */
export class Upstream {
  readonly #connection: Connection;
  readonly #parts: UpstreamParts;
  readonly #governor: Governor;
  readonly #nodes: Nodes;
  readonly #line: Line;
  readonly #introductions = new SharedWork<Outcome>();
  #fault: string | undefined;

  constructor(connection: Connection, parts: UpstreamParts) {
    const { name, limits, addresses } = connection;
    const origins = addresses.map(({ origin }) => origin);
    this.#connection = connection;
    this.#parts = parts;
    this.#governor = new Governor(limits, parts.clock);
    this.#nodes = new Nodes(name, origins, parts.random);
    this.#line = new Line(connection, parts);
  }

  /** What only the operator can mend, until something is answered again. */
  get fault(): string | undefined {
    return this.#fault;
  }

  get load() {
    return this.#governor.load;
  }

  close(): void {
    this.#line.close();
  }

  /** Meets the node that would be asked next, so that a fault of the configuration shows before a pod does ask. */
  async greet(signal: AbortSignal): Promise<void> {
    const chosen = this.#nodes.choose(new Set(), undefined, this.#parts.clock.monotonic());
    if ("error" in chosen || chosen.node.identified) return;
    const failure = await this.#meet(chosen.node, signal);
    if (failure) {
      this.#noteHealth(chosen.node, failure);
      this.#noteFault(failure);
    } else {
      this.#nodes.undecided(chosen.node);
      this.#setFault(undefined);
    }
  }

  /**
   * Asks, and up to twice again where that can do no harm: at once where another node has not been tried, else after a
   * drawn delay. Throws a `VaultError` for whatever is no success, `limit_exceeded`, or the signal's reason.
   */
  async ask(operation: Operation, question: VaultQuestion, caller: Caller, signal: AbortSignal): Promise<Answered> {
    const { clock, random } = this.#parts;
    const who = { namespace: caller.namespace, priority: caller.priority, isLogin: operation.kind === "login" };
    const strain = (outcome: Outcome, ms: number) => strainOf(operation, outcome, ms);
    const call: Call = { tried: new Set(), redirectTo: undefined };
    const startedAt = clock.monotonic();
    for (let retries = 0; ; retries += 1) {
      const attempt = () => this.#attempt(operation, question, call, signal);
      const outcome = await this.#governor.run(who, attempt, strain, signal);
      this.#noteFault(outcome);
      if ("reply" in outcome) return outcome;
      const elsewhere = outcome.redirectTo !== undefined || this.#nodes.hasOthers(call.tried, clock.monotonic());
      const elapsed = clock.monotonic() - startedAt;
      if (retries === maxRetries || !this.#mayMend(operation, outcome, elsewhere, elapsed)) throw outcome.error;
      call.redirectTo = outcome.redirectTo;
      if (!elsewhere) await clock.sleep(random() * retryCeilingMs * 2 ** retries, signal);
    }
  }

  /** Asking the same node again is for passing faults: what has taken long already is not asked of it twice. */
  #mayMend(operation: Operation, { retry }: Failure, elsewhere: boolean, elapsedMs: number): boolean {
    if (retry === "never" || (retry === "repeatable" && !isRepeatable(operation))) return false;
    if (elsewhere) return elapsedMs < this.#connection.limits.requestTimeoutMs;
    return retry !== "elsewhere" && elapsedMs < passingMs;
  }

  async #attempt(operation: Operation, question: VaultQuestion, call: Call, signal: AbortSignal): Promise<Outcome> {
    const chosen = this.#nodes.choose(call.tried, call.redirectTo, this.#parts.clock.monotonic());
    if ("error" in chosen) return { error: chosen.error, retry: "never", blamesNode: true };
    const { node } = chosen;
    call.tried.add(node.origin);
    try {
      const outcome =
        (await this.#meet(node, signal)) ?? (await this.#line.ask(node.origin, operation, question, signal));
      this.#noteHealth(node, outcome);
      return outcome;
    } catch (reason) {
      this.#nodes.undecided(node);
      throw reason;
    }
  }

  /** Before a node is first told a secret, and again after it failed, it says which cluster it is of. */
  async #meet(node: Node, signal: AbortSignal): Promise<Failure | undefined> {
    if (node.identified) return undefined;
    const ask = (asking: AbortSignal) => this.#line.askHealth(node.origin, asking);
    const health = await this.#introductions.run(node.origin, ask, { lasting: false }, signal);
    if (!("reply" in health)) return health;
    const id = health.reply.body?.["cluster_id"];
    const foreign = this.#nodes.identify(node, typeof id === "string" && id !== "" ? id : undefined);
    return foreign && { error: foreign, retry: "elsewhere", blamesNode: true };
  }

  #noteHealth(node: Node, outcome: Outcome): void {
    const from = this.#nodes.preferred;
    if ("reply" in outcome || !outcome.blamesNode) this.#nodes.succeeded(node);
    else this.#nodes.failed(node, outcome.error, this.#parts.clock.monotonic());
    const to = this.#nodes.preferred;
    if (from === to) return;
    const reason = "reply" in outcome ? `${to} answers` : outcome.error.message;
    this.#parts.observer.failedOver({ connection: this.#connection.name, from, to, reason });
  }

  #noteFault(outcome: Outcome): void {
    if ("reply" in outcome || !outcome.blamesNode) this.#setFault(undefined);
    else if (outcome.error.kind === "configuration") this.#setFault(outcome.error.message);
  }

  #setFault(fault: string | undefined): void {
    const news = (fault === undefined) !== (this.#fault === undefined);
    this.#fault = fault;
    if (news) this.#parts.observer.faultChanged({ connection: this.#connection.name, fault });
  }
}

function strainOf(operation: Operation, outcome: Outcome, ms: number): Strain {
  if ("reply" in outcome) return ms > slowMs && isRepeatable(operation) ? "strained" : "eased";
  const { error, blamesNode } = outcome;
  return error.kind === "quota" || (error.kind === "outage" && blamesNode) ? "strained" : "neither";
}
