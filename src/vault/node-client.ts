import type { Connection } from "../config/connection.js";
import type { Clock } from "../shared/clock.js";
import { classifyFault } from "./connection-fault.js";
import { type Failure, final } from "./failure.js";
import { ExchangeError, type ExchangeLimits, type HttpRequest, exchange } from "./http-exchange.js";
import { healthPath } from "./node-health.js";
import { type Operation, answersRaw, isRepeatable } from "./operation.js";
import { classifyResponse, unlikeVault, wantsTls } from "./error-response.js";
import { type VaultQuestion, askThroughNodeVault } from "./through-node-vault.js";
import type { HttpAnswer } from "./response-reader.js";
import { SocketPools } from "./socket-pools.js";
import { TlsFiles } from "./tls-files.js";
import type { AnswerIntake } from "./vault-client.js";
import { VaultError } from "./vault-error.js";
import type { ConnectionEvent } from "./vault-event.js";
import { type VaultReply, mostValues, readReply } from "./vault-reply.js";

/** A success, and when the request that brought it was begun (`Clock.monotonic()`). */
export interface Answered {
  reply: VaultReply;
  requestedAt: number;
}

export type Outcome = Answered | Failure;

/** A read, login or the like is given up when nothing came for this long; what makes something gets the whole time. */
const firstByteMs = 10_000;
const bodyIdleMs = 5_000;
/** Of an answer without a secret (a login, a renewal, a node's health): a token may have a thousand policies. */
const mostBesidesSecrets = 256 << 10;
/** What is larger takes a millisecond and more to parse. */
const quicklyParsedBytes = 16 << 10;

/** Asks the nodes of one connection over kept-alive sockets; answers, and that none came, are given understood. */
export class NodeClient {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #pools: SocketPools;
  readonly #tls: TlsFiles;

  constructor(connection: Connection, { clock, emit }: { clock: Clock; emit: (event: ConnectionEvent) => void }) {
    const { name, tls } = connection;
    this.#connection = connection;
    this.#clock = clock;
    this.#pools = new SocketPools(clock);
    this.#tls = new TlsFiles(tls, clock, (reason) => emit({ kind: "tlsFilesRejected", connection: name, reason }));
  }

  /** Ends every socket. */
  close(): void {
    this.#pools.close();
  }

  /** The next request to it opens a new connection: several nodes may share the address. */
  endIdle(origin: string): void {
    this.#pools.endIdle(origin);
  }

  /** Rejects only with the signal's reason. `patient` waits the whole request's time for its first byte. */
  async ask(
    origin: string,
    operation: Operation,
    question: VaultQuestion,
    patient: boolean,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const repeatable = isRepeatable(operation);
    const { intake } = question;
    const mostBytes = bringsSecret(operation) ? Number.POSITIVE_INFINITY : mostBesidesSecrets;
    const limits = this.#limits(patient ? Number.POSITIVE_INFINITY : firstByteMs, mostBytes, intake);
    const requestedAt = this.#clock.monotonic();
    try {
      const send = (request: HttpRequest) => this.#send(origin, request, { limits, repeatable }, signal);
      const answer = await askThroughNodeVault(question, send);
      if (answer.body.length > quicklyParsedBytes) await intake?.turn();
      const reply = readReply(answer);
      const refusal = classifyResponse(operation, reply, { origin, wall: this.#clock.wall() });
      return refusal ?? unusable(reply, origin, operation) ?? { reply, requestedAt };
    } catch (reason) {
      if (isTooLarge(reason)) return final(tooLarge(origin, operation, limits.maxBytes));
      return failureOf(reason, origin);
    }
  }

  /** A node's health, with any status; sent without a token. A failure when the node does not answer. */
  async askHealth(origin: string, signal: AbortSignal): Promise<Outcome> {
    const request = { method: "GET", path: `/v1/${healthPath}`, headers: { "X-Vault-Request": "true" } };
    const requestedAt = this.#clock.monotonic();
    try {
      const reply = readReply(
        await this.#send(
          origin,
          request,
          { limits: this.#limits(bodyIdleMs, mostBesidesSecrets), repeatable: true },
          signal,
        ),
      );
      // An Agent answers for a Vault that is away, and says nothing of its health.
      const down = reply.status >= 500 && typeof reply.body?.["initialized"] !== "boolean";
      return wantsTls(reply, origin) ?? (down ? outageOf(origin, reply.status) : { reply, requestedAt });
    } catch (reason) {
      return failureOf(reason, origin);
    }
  }

  /**
   * A kept-alive socket may be closed by the other end at the moment of use, by a proxy with a 408 (RFC 9110 §15.5.9): that is
   * tried once more, on a new one.
   */
  async #send(
    origin: string,
    request: HttpRequest,
    { limits, repeatable }: { limits: ExchangeLimits; repeatable: boolean },
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const pool = this.#pools.to(origin, await this.#tls.material());
    const ask = () => exchange({ pool, clock: this.#clock }, request, limits, signal);
    try {
      const answer = await ask();
      if (answer.status !== 408 || !repeatable) return answer;
    } catch (reason) {
      if (!repeatable || !isStaleSocket(reason)) throw reason;
    }
    pool.endIdle();
    return ask();
  }

  #limits(patienceMs: number, mostBytes: number, intake?: AnswerIntake): ExchangeLimits {
    const { connectTimeoutMs, requestTimeoutMs, maxAnswerBytes } = this.#connection.limits;
    return {
      connectMs: Math.min(connectTimeoutMs, requestTimeoutMs),
      firstByteMs: Math.min(patienceMs, requestTimeoutMs),
      idleMs: Math.min(bodyIdleMs, requestTimeoutMs),
      totalMs: requestTimeoutMs,
      maxBytes: Math.min(maxAnswerBytes, mostBytes),
      admit: intake && ((bytes) => intake.admit(bytes)),
    };
  }
}

/** Throws what is neither the network's fault nor the configuration's: the signal's reason. */
function failureOf(reason: unknown, origin: string): Failure {
  if (reason instanceof ExchangeError) return classifyFault(reason, origin);
  if (reason instanceof VaultError) return { error: reason, retry: "never", scope: "node" };
  throw reason;
}

function isStaleSocket(reason: unknown): boolean {
  if (!(reason instanceof ExchangeError)) return false;
  return reason.reusedSocket && reason.phase === "waiting" && ["ECONNRESET", "EPIPE"].includes(reason.code);
}

/**
 * A 200 has a body of JSON, or to a read a raw one; only a 204 has none. What is neither is no fault of the node: it may be
 * the path's, and a pod that reads one must not open the node's circuit for all others.
 */
function unusable(
  { status, body, headers, tooManyValues, raw }: VaultReply,
  origin: string,
  operation: Operation,
): Failure | undefined {
  if (tooManyValues) {
    const error = new VaultError("protocol", `${origin} sent an answer of more than ${mostValues} names and values`);
    return final(error);
  }
  const isRaw = raw !== undefined && status === 200 && body === undefined && answersRaw(operation);
  if (isRaw || body || (body === null && status === 204)) return undefined;
  return {
    error: unlikeVault(status, headers["content-type"], origin),
    retry: isRepeatable(operation) ? "elsewhere" : "never",
    scope: "request",
  };
}

function bringsSecret({ kind }: Operation): boolean {
  return kind === "read" || kind === "issue";
}

function isTooLarge(reason: unknown): boolean {
  return reason instanceof ExchangeError && reason.code === "BODY_TOO_LARGE";
}

function tooLarge(origin: string, operation: Operation, maxBytes: number): VaultError {
  const { method, path } = operation;
  const of = `${origin} sent more than ${maxBytes} bytes for ${method} ${path}`;
  const why = bringsSecret(operation)
    ? "the connection's limits.answerBytes; make the secret smaller, or have the limit raised"
    : "and no secret was asked for; is it Vault, and does the token have very many policies?";
  return new VaultError("protocol", `${of}, ${why}`);
}

function outageOf(origin: string, status: number): Failure {
  const error = new VaultError("outage", `${origin} answered with ${status}`, { status });
  return { error, retry: "always", scope: "node" };
}
