import http, { type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import { prefixOf } from "../config/origin.js";
import { BoundedBytes } from "../shared/bounded-bytes.js";
import type { Clock } from "../shared/clock.js";
import { boundInterimAnswers } from "../shared/interim-answers.js";

/** Where to send it: an agent that belongs to this address and its TLS material. */
export interface Dial {
  /** `https://vault:8200`, `https://proxy/vault` or `unix:///run/vault.sock`. */
  origin: string;
  agent: http.Agent;
  clock: Pick<Clock, "timer">;
}

export interface HttpRequest {
  method: string;
  /** Escaped path with its query, without the origin's prefix: `/v1/secret/data/app?version=2`. */
  path: string;
  headers: Readonly<Record<string, string>>;
  body?: string;
}

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
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
  admit?: (bytes: number) => void;
}

/** Of an answer's head, independent of Node's flags. */
const mostHeaderBytes = 16_384;
const mostHeaders = 256;
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
 * `ExchangeError`, or the signal's reason as soon as it aborts; either way the socket is gone.
 */
export function exchange(dial: Dial, request: HttpRequest, limits: ExchangeLimits, signal: AbortSignal) {
  return new Promise<HttpAnswer>((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    limits.admit?.(usualBytes);
    const { clock } = dial;
    let phase: Phase = "connecting";
    const sent = open(dial, request);
    const finish = (settle: () => void) => {
      whole.close();
      step.close();
      signal.removeEventListener("abort", abort);
      settle();
    };
    const fail = (reason: Error) => {
      finish(() => reject(reason));
      sent.destroy();
    };
    const failAs = (code: string) => fail(new ExchangeError(code, phase, sent.reusedSocket));
    const abort = () => fail(signal.reason as Error);
    const enter = (next: Phase, ms: number) => {
      phase = next;
      step.close();
      step = clock.timer(ms, stepTooLong);
    };
    const stepTooLong = () => failAs(`TIMEOUT_${phase.toUpperCase()}`);
    const whole = clock.timer(limits.totalMs, () => failAs("TIMEOUT_WHOLE"));
    let step = clock.timer(limits.connectMs, stepTooLong);

    signal.addEventListener("abort", abort, { once: true });
    sent.on("error", (error: NodeJS.ErrnoException) => failAs(error.code ?? "FAILED"));
    sent.once("socket", (socket) => whenConnected(socket, () => enter("waiting", limits.firstByteMs)));
    boundInterimAnswers(sent, failAs);
    sent.once("response", (answer) => {
      enter("receiving", limits.idleMs);
      receive(answer, limits, {
        progress: () => step.refresh(),
        fail: failAs,
        refuse: fail,
        done: (body) => finish(() => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body })),
      });
    });
    sent.end(request.body);
  });
}

function open({ origin, agent }: Dial, { method, path, headers, body }: HttpRequest): http.ClientRequest {
  const length = body === undefined ? undefined : { "Content-Length": String(Buffer.byteLength(body)) };
  const sent = request(origin, {
    agent,
    method,
    path: `${prefixOf(origin)}${path}`,
    headers: { ...headers, ...length },
    maxHeaderSize: mostHeaderBytes,
  });
  sent.maxHeadersCount = mostHeaders;
  return sent;
}

function request(origin: string, options: http.RequestOptions): http.ClientRequest {
  if (origin.startsWith("unix:")) {
    return http.request({ ...options, socketPath: new URL(origin).pathname, host: "localhost" });
  }
  const { protocol, hostname, port } = new URL(origin);
  const target = { ...options, host: hostname.replace(/^\[|\]$/g, ""), port };
  return protocol === "https:" ? https.request(target) : http.request(target);
}

function whenConnected(socket: Socket, then: () => void): void {
  if (!socket.connecting && !("secureConnecting" in socket && socket.secureConnecting)) return then();
  socket.once("encrypted" in socket ? "secureConnect" : "connect", then);
}

interface Receiver {
  progress: () => void;
  fail: (code: string) => void;
  /** What `admit` threw. */
  refuse: (reason: Error) => void;
  done: (body: Buffer) => void;
}

/** We never accept encodings, so an encoded answer would be garbage here, or a compression bomb for a decoder. */
function receive(answer: IncomingMessage, { maxBytes, admit }: ExchangeLimits, receiver: Receiver): void {
  const { progress, fail, refuse, done } = receiver;
  const encoding = answer.headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity") return fail("ENCODED_BODY");
  const length = Number(answer.headers["content-length"] ?? 0);
  if (length > maxBytes) return fail("BODY_TOO_LARGE");
  const isRefused = (bytes: number) => {
    try {
      admit?.(bytes);
      return false;
    } catch (reason) {
      refuse(reason as Error);
      return true;
    }
  };
  if (isRefused(length)) return;
  const body = new BoundedBytes(maxBytes);
  const take = (piece: Buffer) => {
    const refused = body.add(piece);
    if (refused === undefined && !isRefused(body.length)) return progress();
    answer.off("data", take); // What has come with it is not looked at.
    if (refused !== undefined) fail(refused === "crumbs" ? "BODY_IN_CRUMBS" : "BODY_TOO_LARGE");
  };
  answer.on("data", take);
  answer.on("error", (error: NodeJS.ErrnoException) => fail(error.code ?? "FAILED"));
  answer.once("end", () => (answer.complete ? done(body.take()) : fail("ECONNRESET")));
}
