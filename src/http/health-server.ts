import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import { withDeadline } from "../shared/join-signals.js";
import { LeanAbortController } from "../shared/lean-abort-controller.js";
import { limitConnections } from "./connection-limit.js";
import { RequestThrottle } from "./request-throttle.js";

/** What is asked of the daemon. */
export interface HealthChecks {
  /** Why we are not ready, a line each; empty when we are. */
  unreadiness(signal: AbortSignal): Promise<readonly string[]>;
  metrics(): Promise<{ contentType: string; text: string }>;
}

export interface HealthServer {
  /** The address bound, for a port of 0. */
  address: { host: string; port: number };
  stop(): Promise<void>;
}

interface Answer {
  status: number;
  contentType?: string;
  text: string;
}

/** Probes have short timeouts; a check that takes longer counts as failed. */
const checkMs = 4_000;

/** Results are cached for so long: each check costs a scrape, or a call of our own socket. */
const freshMs = 1_000;

/** More than a kubelet and a few scrapers need; a port that any pod reaches must keep room for them. */
const connectionLimits = { all: 64, each: 16 };

/** Of one address: a kubelet asks less than once. Each above it waits for the next second, and ends its connection. */
const answersPerSecond = 20;

/** Connections that send nothing, or send slowly, are soon ended; Node looks every second. */
const serverOptions = {
  maxHeaderSize: 8192,
  headersTimeout: 3_000,
  requestTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 5_000,
};
const silentMs = 10_000;
const requestsPerConnection = 100;

/** Serves `/livez`, `/readyz`, `/health/ready` (as the Go provider calls it) and `/metrics`, by GET and HEAD. */
export async function startHealthServer(
  { host, port }: { host?: string; port: number },
  checks: HealthChecks,
  clock: Clock,
  signal: AbortSignal,
): Promise<HealthServer> {
  signal.throwIfAborted();
  const shared = {
    unreadiness: kept(() => unreadinessInTime(checks, clock), clock),
    metrics: kept(() => checks.metrics(), clock),
  };
  const throttle = new RequestThrottle(answersPerSecond, clock);
  const stopping = new LeanAbortController();
  const server = createServer(serverOptions, (request, response) => {
    const delayMs = throttle.delayOf(request.socket.remoteAddress ?? "");
    if (delayMs > 0) response.setHeader("connection", "close");
    const turn = delayMs > 0 ? clock.sleep(delayMs, stopping.signal) : Promise.resolve();
    turn
      .then(() => answer(request, shared))
      .then(
        (given) => send(request, response, given),
        () => send(request, response, { status: 500, text: "internal error\n" }),
      );
  });
  server.timeout = silentMs;
  server.maxRequestsPerSocket = requestsPerConnection;
  limitConnections(server, connectionLimits);
  await listen(server, port, host);
  const bound = server.address() as { address: string; port: number };
  return {
    address: { host: bound.address, port: bound.port },
    stop: () => (stopping.abort(new ProviderError("cancelled", "keymount is stopping")), close(server)),
  };
}

async function unreadinessInTime(checks: HealthChecks, clock: Clock): Promise<readonly string[]> {
  const late = () => new ProviderError("unavailable", "the check took too long");
  const { signal, release } = withDeadline(new AbortController().signal, checkMs, late, clock);
  try {
    return await checks.unreadiness(signal);
  } finally {
    release();
  }
}

type SharedChecks = { [Check in keyof HealthChecks]: () => ReturnType<HealthChecks[Check]> };

/** One check at a time, whose outcome stands for a moment; a failure does not. */
function kept<T>(check: () => Promise<T>, clock: Clock): () => Promise<T> {
  let last: { until: number; outcome: Promise<T> } | undefined;
  return () => {
    if (last && clock.monotonic() < last.until) return last.outcome;
    const run = { until: Infinity, outcome: check() };
    last = run;
    run.outcome.then(
      () => (run.until = clock.monotonic() + freshMs),
      () => (run.until = -Infinity),
    );
    return run.outcome;
  };
}

async function answer({ method, url }: IncomingMessage, checks: SharedChecks): Promise<Answer> {
  if (method !== "GET" && method !== "HEAD") return { status: 405, text: "only GET and HEAD\n" };
  switch (url?.split("?", 1)[0]) {
    case "/livez":
      return { status: 200, text: "ok\n" };
    case "/readyz":
    case "/health/ready":
      return readiness(await checks.unreadiness());
    case "/metrics": {
      const { contentType, text } = await checks.metrics();
      return { status: 200, contentType, text };
    }
    default:
      return { status: 404, text: "there are /livez, /readyz and /metrics\n" };
  }
}

function readiness(reasons: readonly string[]): Answer {
  return reasons.length === 0 ? { status: 200, text: "ok\n" } : { status: 503, text: `${reasons.join("\n")}\n` };
}

function send(
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  { status, contentType, text }: Answer,
): void {
  response.writeHead(status, {
    "content-type": contentType ?? "text/plain; charset=utf-8",
    "cache-control": "no-store",
    // A body is not read.
    ...(hasBody(headers) && { connection: "close" }),
  });
  response.end(method === "HEAD" ? undefined : text);
}

function hasBody(headers: IncomingMessage["headers"]): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

function listen(server: Server, port: number, host: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        new ProviderError(
          "invalid_request",
          `the health address ${host ?? ""}:${port} cannot be bound (${error.code})`,
          { cause: error },
        ),
      ),
    );
    server.listen(port, host, resolve);
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
