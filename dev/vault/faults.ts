import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import type { Clock } from "../../src/shared/clock.js";
import type { WireAnswer } from "./envelope.js";

/** A request that is answered otherwise than Vault would. */
export interface FaultyExchange {
  readonly response: ServerResponse;
  readonly clock: Clock;
  /** Ends when the client is gone or the server stops. */
  readonly signal: AbortSignal;
  /** What Vault would answer; asking carries the request out. */
  readonly honest: () => Promise<WireAnswer>;
  /** Answers for the server, with a proper content length. */
  readonly send: (answer: WireAnswer) => void;
}

/** How a request goes wrong. Resolves once everything was done that will ever be. */
export type Fault = (exchange: FaultyExchange) => Promise<void>;

/** Which requests a fault applies to; a field that is left out matches everything. */
export interface FaultMatcher {
  /** Without `/v1/` and the query. */
  readonly path?: string | RegExp;
  /** LIST for a GET with `list=true`. */
  readonly method?: string;
  /** How often it applies; without it, always. */
  readonly times?: number;
}

/** The honest answer, so much later. */
export function delayed(ms: number): Fault {
  return async ({ clock, signal, honest, send }) => {
    await clock.sleep(ms, signal);
    send(await honest());
  };
}

/** No answer, ever; the request is not carried out. */
export function hanging(): Fault {
  return async () => {};
}

/** The connection is reset before a byte is answered; `carriedOut` says whether Vault did what it was asked first. */
export function reset({ carriedOut = false } = {}): Fault {
  return async ({ response, honest }) => {
    if (carriedOut) await honest();
    response.socket?.resetAndDestroy();
  };
}

/** The connection is reset once the headers are out. */
export function resetAfterHeaders(): Fault {
  return async (exchange) => cutAfter(exchange, 0);
}

/** The connection is reset in the middle of the body. */
export function resetMidBody(): Fault {
  return async (exchange) => cutAfter(exchange, 0.5);
}

async function cutAfter({ response, honest }: FaultyExchange, share: number): Promise<void> {
  const { status, headers, body = "" } = await honest();
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
  response.flushHeaders();
  if (share > 0) await new Promise((sent) => response.write(body.slice(0, body.length * share), sent));
  await new Promise((sent) => setImmediate(sent));
  response.socket?.resetAndDestroy();
}

/** The honest answer, `bytes` at a time, `everyMs` apart. */
export function dripping({ bytes = 1, everyMs = 1_000 } = {}): Fault {
  return async ({ response, clock, signal, honest }) => {
    const { status, headers, body = "" } = await honest();
    const whole = Buffer.from(body);
    response.writeHead(status, { ...headers, "content-length": whole.length });
    for (let at = 0; at < whole.length; at += bytes) {
      response.write(whole.subarray(at, at + bytes));
      await clock.sleep(everyMs, signal);
    }
    response.end();
  };
}

/** This answer, word for word; the request is not carried out. */
export function answering(status: number, body?: string, headers: Readonly<Record<string, string>> = {}): Fault {
  return async ({ send }) => send({ status, headers: { "content-type": "application/json", ...headers }, body });
}

export const erring = (status: number, ...errors: string[]) => answering(status, JSON.stringify({ errors }));

/** What a proxy in between says when it has no Vault. */
export function html(status = 200): Fault {
  const page = "<!DOCTYPE html><html><body><h1>Please sign in</h1></body></html>";
  return answering(status, page, { "content-type": "text/html" });
}

export const emptyBody = () => answering(200, "");
export const noContent = () => answering(204);

/** A login that was let in, without saying as whom. */
export function loginWithoutAuth(): Fault {
  return answering(
    200,
    '{"request_id":"0","lease_id":"","renewable":false,"lease_duration":0,"data":null,"wrap_info":null,"warnings":null,"auth":null}\n',
  );
}

export function redirecting(location: string, status = 307): Fault {
  return async ({ response }) => void response.writeHead(status, { location, "content-length": 0 }).end();
}

/** The first half of the honest answer, as if that were all. */
export function truncated(): Fault {
  return async ({ honest, send }) => {
    const answer = await honest();
    send({ ...answer, body: answer.body?.slice(0, answer.body.length / 2) });
  };
}

/** The honest answer with a content length that is off by so many bytes; one that is too long ends in a closed socket. */
export function misdeclared(by: number): Fault {
  return async ({ response, honest }) => {
    const { status, headers, body = "" } = await honest();
    const socket = response.socket!;
    const lines = Object.entries({ ...headers, "content-length": String(Buffer.byteLength(body) + by) });
    const head = [`HTTP/1.1 ${status} OK`, ...lines.map(([name, value]) => `${name}: ${value}`)].join("\r\n");
    socket.end(`${head}\r\n\r\n${body}`);
  };
}

/** A few kilobytes, gzipped, that inflate to `bytes`, whether or not the client asked for gzip. */
export function gzipBomb(bytes: number): Fault {
  return async ({ response }) => {
    const bomb = gzipSync(Buffer.alloc(bytes, "0"));
    const headers = { "content-type": "application/json", "content-encoding": "gzip", "content-length": bomb.length };
    response.writeHead(200, headers).end(bomb);
  };
}

/** `bytes` of JSON that never makes sense, without a length. */
export function flooding(bytes: number): Fault {
  return async ({ response, signal }) => {
    const chunk = Buffer.alloc(64 << 10, "[");
    response.writeHead(200, { "content-type": "application/json" });
    for (let sent = 0; sent < bytes && !signal.aborted; sent += chunk.length) {
      if (!response.write(chunk)) await once(response, "drain", { signal });
    }
    response.end();
  };
}

/** The honest answer; straight after it the connection is reset, as when an idle one is reaped while it is reused. */
export function resetAfterAnswer(): Fault {
  return async ({ response, honest, send }) => {
    const { socket } = response;
    send(await honest());
    await once(response, "finish");
    setImmediate(() => socket?.resetAndDestroy());
  };
}

/** A fault that stands until it is cleared. */
export interface StandingFault {
  /** How many requests it was applied to. */
  readonly hits: number;
  clear(): void;
}

interface Planned extends FaultMatcher {
  readonly fault: Fault;
  hits: number;
}

export class Faults {
  #planned: Planned[] = [];

  /** The one planned last comes first. */
  plan(matcher: FaultMatcher, fault: Fault): StandingFault {
    const planned: Planned = { ...matcher, fault, hits: 0 };
    this.#planned.unshift(planned);
    return {
      get hits() {
        return planned.hits;
      },
      clear: () => {
        this.#planned = this.#planned.filter((other) => other !== planned);
      },
    };
  }

  clear(): void {
    this.#planned = [];
  }

  /** The fault that befalls this request, counted. */
  take(method: string, path: string): Fault | undefined {
    const found = this.#planned.find(
      (planned) =>
        planned.hits < (planned.times ?? Infinity) &&
        (planned.method === undefined || planned.method === method) &&
        (planned.path === undefined ||
          (typeof planned.path === "string" ? planned.path === path : planned.path.test(path))),
    );
    if (found) found.hits += 1;
    return found?.fault;
  }
}
