import type { Clock, Timer } from "../shared/clock.js";
import { type HttpAnswer, ResponseFault, ResponseReader } from "./response-reader.js";
import type { PooledSocket, SocketPool, SocketUser } from "./socket-pool.js";

/** Where to send it. */
export interface Dial {
  pool: SocketPool;
  clock: Pick<Clock, "timer">;
}

export interface HttpRequest {
  method: string;
  /** Escaped path with its query, without the origin's prefix: `/v1/secret/data/app?version=2`. */
  path: string;
  headers: Readonly<Record<string, string>>;
  body?: string | undefined;
}

/** Milliseconds and bytes one exchange may take. */
export interface ExchangeLimits {
  connectMs: number;
  /** From the request sent to the first byte of the answer. */
  firstByteMs: number;
  /** Between two pieces of the answer's body. */
  idleMs: number;
  /** The whole of it. */
  totalMs: number;
  maxBytes: number;
  /**
   * Told how many bytes the answer's body takes in all, each time more of it is known: before anything is sent (what most
   * answers take), from its Content-Length, piece by piece. What it throws refuses the answer.
   */
  admit?: ((bytes: number) => void) | undefined;
}

/** Most answers are smaller. */
const usualBytes = 4 << 10;

export type Phase = "connecting" | "waiting" | "receiving";

/** Why no answer came: a Node error code (`ECONNREFUSED`) or one of ours. Holds no header and no body. */
export class ExchangeError extends Error {
  override readonly name = "ExchangeError";
  readonly code: string;
  /** How far it came; while `connecting`, nothing of the request had left. */
  readonly phase: Phase;
  /** Whether it broke on a kept-alive socket, which the other end may have closed at that very moment. */
  readonly reusedSocket: boolean;

  constructor(code: string, phase: Phase, reusedSocket: boolean) {
    super(`${code} while ${phase}`);
    this.code = code;
    this.phase = phase;
    this.reusedSocket = reusedSocket;
  }
}

/**
 * One request, one answer. Follows no redirect, knows no proxy, takes nothing from the environment. Throws an
 * `ExchangeError`, or the signal's reason as soon as it aborts; either way the socket is gone. Node's own client would do,
 * and costs three times the CPU (bench/README.md).
 */
export function exchange(
  dial: Dial,
  request: HttpRequest,
  limits: ExchangeLimits,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const text = requestText(dial.pool, request);
    limits.admit?.(usualBytes);
    new Exchange({ text, limits, signal, resolve, reject }, dial);
  });
}

interface Task {
  text: string;
  limits: ExchangeLimits;
  signal: AbortSignal;
  resolve: (answer: HttpAnswer) => void;
  reject: (reason: unknown) => void;
}

class Exchange implements SocketUser {
  readonly #task: Task;
  readonly #clock: Dial["clock"];
  readonly #reader: ResponseReader;
  readonly #socket: PooledSocket;
  readonly #whole: Timer;
  #step: Timer | undefined;
  #phase: Phase = "connecting";

  constructor(task: Task, { pool, clock }: Dial) {
    const { limits, signal } = task;
    this.#task = task;
    this.#clock = clock;
    this.#reader = new ResponseReader(limits.maxBytes);
    this.#socket = pool.take(); // First: where it throws, no timer is left behind.
    this.#whole = clock.timer(limits.totalMs, () => this.failed("TIMEOUT_WHOLE"));
    signal.addEventListener("abort", this.#abort, { once: true });
    this.#socket.use(this);
    if (this.#phase === "connecting") this.#enter("connecting", limits.connectMs);
  }

  connected(): void {
    this.#enter("waiting", this.#task.limits.firstByteMs);
    this.#socket.write(this.#task.text);
  }

  received(piece: Buffer): void {
    const reader = this.#reader;
    try {
      const isWhole = reader.add(piece);
      if (reader.hasHead) this.#task.limits.admit?.(reader.bodyBytes);
      if (isWhole) return this.#done();
    } catch (reason) {
      return reason instanceof ResponseFault ? this.failed(reason.code) : this.#fail(reason);
    }
    if (this.#phase === "receiving") this.#step?.refresh();
    else if (reader.hasHead) this.#enter("receiving", this.#task.limits.idleMs);
  }

  ended(): void {
    if (this.#reader.end()) this.#done();
    else this.failed("ECONNRESET");
  }

  failed(code: string): void {
    const phase = this.#reader.hasHead ? "receiving" : this.#phase;
    this.#fail(new ExchangeError(code, phase, this.#socket.used));
  }

  readonly #abort = (): void => this.#fail(this.#task.signal.reason);

  readonly #tooLong = (): void => this.failed(`TIMEOUT_${this.#phase.toUpperCase()}`);

  #enter(phase: Phase, ms: number): void {
    this.#phase = phase;
    this.#step?.close();
    this.#step = this.#clock.timer(ms, this.#tooLong);
  }

  #done(): void {
    this.#finish(this.#reader.idleMs);
    this.#task.resolve(this.#reader.take());
  }

  #fail(reason: unknown): void {
    this.#finish(0);
    this.#task.reject(reason);
  }

  /** The socket is released first: nothing of it is heard afterwards. */
  #finish(idleMs: number): void {
    this.#socket.release(idleMs);
    this.#whole.close();
    this.#step?.close();
    this.#task.signal.removeEventListener("abort", this.#abort);
  }
}

/** Throws a `TypeError` for what would end a line early. */
function requestText({ prefix, host }: SocketPool, { method, path, headers, body }: HttpRequest): string {
  let text = `${method} ${prefix}${path} HTTP/1.1\r\nHost: ${host}\r\n`;
  if (!/^[\x21-\x7e]+$/.test(path)) throw new TypeError("a path that no request line can hold");
  for (const name in headers) {
    const value = headers[name]!;
    if (!/^[\x20-\x7e]*$/.test(value)) throw new TypeError(`a value that the header ${name} cannot hold`);
    text += `${name}: ${value}\r\n`;
  }
  if (method !== "GET" || body !== undefined) text += `Content-Length: ${Buffer.byteLength(body ?? "")}\r\n`;
  return `${text}\r\n${body ?? ""}`;
}
