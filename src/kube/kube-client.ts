import type { ClientRequest, IncomingMessage } from "node:http";
import { Agent, type RequestOptions, request as httpsRequest } from "node:https";
import { BoundedBytes } from "../shared/bounded-bytes.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import { boundInterimAnswers } from "../shared/interim-answers.js";
import { withDeadline } from "../shared/join-signals.js";
import { IdleSignal } from "./idle-signal.js";
import { JsonSieve } from "./json-sieve.js";
import { quoted } from "../shared/quoted.js";
import { Redacted } from "../shared/redacted.js";
import { AnswerTooLong, KubeError } from "./kube-error.js";
import { readServiceAccount } from "./service-account.js";

export interface KubeClientOptions {
  /** `KUBERNETES_SERVICE_HOST` and `_PORT`, as the kubelet sets them. */
  api: { host: string; port: number };
  /** Holds `ca.crt` and `token`. */
  directory: string;
  clock: Clock;
  timeoutMs?: number;
  maxBytes?: number;
}

export interface KubeCall {
  /** A PATCH is a JSON merge patch. */
  method: "GET" | "POST" | "PATCH";
  /** `/api/v1/namespaces/…`, made by `kubePath`. */
  path: string;
  body?: Redacted<object>;
  /** The media type wanted; plain JSON unless said. */
  accept?: string;
  /** Keys whose values are dropped as they arrive: what others write there may be as long as they like. */
  omit?: readonly string[];
  /** For messages: `reading Secret a/b`. */
  purpose: string;
}

/** How an answer is read. */
interface Reading {
  purpose: string;
  maxBytes: number;
  omit: readonly string[] | undefined;
}

interface Reply {
  status: number;
  body: Buffer;
}

const userAgent = "keymount";
const defaultTimeoutMs = 10_000;
const mostHeaderBytes = 16_384;
/** An object has 1.5 MiB at most in etcd, and more as JSON, where `<` is written as `\u003c`. */
const defaultMaxBytes = 4 << 20;

/**
 * The few calls we make of the API server, as ourselves. Answers are JSON and may hold secrets, so they are `Redacted`.
 * Throws a `KubeError` for a refusal, `unavailable` where there is no answer within the time or bytes allowed, and the
 * signal's reason on abort; no message holds a body or a token.
 */
export class KubeClient {
  readonly #options: KubeClientOptions;
  #trust: { ca: string; agent: Agent } | undefined;

  constructor(options: KubeClientOptions) {
    this.#options = options;
  }

  async call(call: KubeCall, signal: AbortSignal): Promise<Redacted<unknown>> {
    const { clock, timeoutMs = defaultTimeoutMs, maxBytes = defaultMaxBytes } = this.#options;
    const { body, purpose, omit } = call;
    const deadline = withDeadline(signal, timeoutMs, () => tooLate(purpose), clock);
    try {
      const options = await this.#optionsOf(call, deadline.signal);
      const reply = await exchange(options, body, { purpose, maxBytes, omit }, deadline.signal);
      return understood(reply, purpose);
    } finally {
      deadline.release();
    }
  }

  /**
   * The lines of an answer that goes on, each a JSON text: a watch. Ends when the server ends it. Throws as `call` does,
   * also where nothing comes for `idleMs`, or a line is longer than `maxBytes`. It begins within the time of any call: the
   * API server sends the head of a watch at once (endpoints/handlers/watch.go).
   */
  async *stream(call: KubeCall, idleMs: number, signal: AbortSignal): AsyncGenerator<unknown, void> {
    const { clock, timeoutMs = defaultTimeoutMs, maxBytes = defaultMaxBytes } = this.#options;
    const { purpose, omit } = call;
    const idle = new IdleSignal(signal, timeoutMs, () => tooLate(purpose), clock);
    try {
      const options = await this.#optionsOf(call, idle.signal);
      const response = await opened(options, purpose, idle.signal);
      if (response.statusCode !== 200) {
        understood({ status: response.statusCode ?? 0, body: await bytesOf(response, maxBytes) }, purpose);
      }
      idle.allow(idleMs);
      for await (const line of linesOf(response, { purpose, maxBytes, omit }, idle)) yield line;
    } catch (error) {
      if (idle.signal.aborted) throw idle.signal.reason;
      throw error instanceof ProviderError ? error : unreachable(purpose, error);
    } finally {
      idle.release();
    }
  }

  async #optionsOf({ method, path, body, accept }: KubeCall, signal: AbortSignal): Promise<RequestOptions> {
    const { api, directory } = this.#options;
    const { ca, token } = await readServiceAccount(directory, signal);
    return {
      ...api,
      method,
      path,
      agent: this.#agentFor(ca),
      maxHeaderSize: mostHeaderBytes,
      headers: {
        accept: accept ?? "application/json",
        authorization: `Bearer ${token.reveal()}`,
        "user-agent": userAgent,
        ...(body && { "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json" }),
      },
    };
  }

  close(): void {
    this.#trust?.agent.destroy();
  }

  #agentFor(ca: string): Agent {
    if (this.#trust?.ca === ca) return this.#trust.agent;
    this.#trust?.agent.destroy();
    const agent = new Agent({ ca, keepAlive: true, maxSockets: 4, timeout: 60_000 });
    this.#trust = { ca, agent };
    return agent;
  }
}

/** A path of the API. Throws `invalid_request` for what cannot be a name in Kubernetes, so that no path climbs. */
export function kubePath(strings: TemplateStringsArray, ...names: string[]): string {
  const wrong = names.find((name) => !/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(name));
  if (wrong !== undefined) throw new ProviderError("invalid_request", `${quoted(wrong)} is not a name in Kubernetes`);
  return String.raw({ raw: strings }, ...names);
}

function tooLate(purpose: string): ProviderError {
  return new ProviderError("unavailable", `${purpose}: the Kubernetes API does not answer in time`);
}

function opened(options: RequestOptions, purpose: string, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const failed = (cause: unknown) => reject(signal.aborted ? (signal.reason as Error) : unreachable(purpose, cause));
    const request = httpsRequest({ ...options, signal }, resolve);
    endAfterInterimAnswers(request, failed);
    request.on("error", failed);
    request.end();
  });
}

function keptOf(omit: readonly string[] | undefined): (piece: Buffer) => Buffer {
  if (!omit) return (piece) => piece;
  const sieve = new JsonSieve(omit);
  return (piece) => sieve.pass(piece);
}

async function bytesOf(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const bytes = new BoundedBytes(maxBytes);
  for await (const piece of response as AsyncIterable<Buffer>) if (bytes.add(piece) !== undefined) break;
  return bytes.take();
}

async function* linesOf(
  response: IncomingMessage,
  { purpose, maxBytes, omit }: Reading,
  idle: IdleSignal,
): AsyncGenerator<unknown, void> {
  const line = new BoundedBytes(maxBytes);
  const add = (bytes: Buffer) => {
    if (bytes.length > 0 && line.add(bytes) !== undefined) {
      throw new AnswerTooLong(purpose, "a line of the answer", maxBytes);
    }
  };
  const kept = keptOf(omit);
  for await (const piece of response as AsyncIterable<Buffer>) {
    idle.renew();
    let rest = kept(piece);
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      add(rest.subarray(0, end));
      const read = parsed(line.take());
      if (read === undefined) throw new ProviderError("unavailable", `${purpose}: a line of the answer is not JSON`);
      rest = rest.subarray(end + 1);
      yield read;
    }
    add(rest);
  }
}

function exchange(
  options: RequestOptions,
  body: Redacted<object> | undefined,
  { purpose, maxBytes, omit }: Reading,
  signal: AbortSignal,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const failed = (cause: unknown) => reject(signal.aborted ? (signal.reason as Error) : unreachable(purpose, cause));
    const request = httpsRequest({ ...options, signal }, (response) => {
      const bytes = new BoundedBytes(maxBytes);
      const kept = keptOf(omit);
      const take = (piece: Buffer) => {
        const left = kept(piece);
        if (left.length === 0 || bytes.add(left) === undefined) return;
        response.off("data", take);
        reject(new AnswerTooLong(purpose, "the answer", maxBytes));
        request.destroy();
      };
      response.on("data", take);
      response.on("error", failed);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: bytes.take() }));
    });
    endAfterInterimAnswers(request, failed);
    request.on("error", failed);
    request.end(body && JSON.stringify(body.reveal()));
  });
}

function endAfterInterimAnswers(request: ClientRequest, failed: (cause: Error) => void): void {
  boundInterimAnswers(request, (code) => {
    failed(Object.assign(new Error(code), { code }));
    request.destroy();
  });
}

function unreachable(purpose: string, cause: unknown): ProviderError {
  const { code } = cause as NodeJS.ErrnoException;
  const known = typeof code === "string" && /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? code : "no answer";
  return new ProviderError("unavailable", `${purpose}: the Kubernetes API cannot be reached (${known})`, { cause });
}

function understood({ status, body }: Reply, purpose: string): Redacted<unknown> {
  const read = parsed(body);
  if (status >= 200 && status < 300 && read !== undefined) return new Redacted(read);
  const { kind, reason: said, message } = (read ?? {}) as { kind?: unknown; reason?: unknown; message?: unknown };
  // Only a Status is the API server's own word; a proxy before it may answer in JSON, too.
  const reason = kind === "Status" && typeof said === "string" && /^[A-Za-z]{1,40}$/.test(said) ? said : "";
  const what = status >= 200 && status < 300 ? "answers with something that is not JSON" : meaning(status);
  const why =
    reason !== "" && [400, 422].includes(status) && typeof message === "string" ? `: ${unquoted(message)}` : "";
  throw new KubeError(status, reason, `${purpose}: the Kubernetes API ${what}${why}`);
}

/** The API server quotes the values that it refuses (apimachinery, field.Error), which stay home. */
function unquoted(message: string): string {
  return message.slice(0, 300).replace(/"[^"]*"?|'[^']*'?|`[^`]*`?/g, "…");
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}

function meaning(status: number): string {
  if (status === 401) return "does not take keymount's own token (401)";
  if (status === 403) return "forbids it to keymount's service account (403); its RBAC must allow it";
  if (status === 404) return "says there is no such thing (404)";
  if (status === 409) return "says it exists already or has changed (409)";
  if (status === 429) return "is asked too often (429)";
  return `answers with status ${status}`;
}
