import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import { ProviderError } from "../shared/errors.js";

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

/** A probe's patience is short; an answer that takes longer is a "no". */
const checkMs = 4_000;

/** Serves `/livez`, `/readyz`, `/health/ready` (as the Go provider calls it) and `/metrics`, by GET and HEAD. */
export async function startHealthServer(
  { host, port }: { host?: string; port: number },
  checks: HealthChecks,
  signal: AbortSignal,
): Promise<HealthServer> {
  signal.throwIfAborted();
  const server = createServer(
    { maxHeaderSize: 8192, requestTimeout: 10_000, headersTimeout: 5_000 },
    (request, response) => {
      answer(request, checks).then(
        (given) => send(request, response, given),
        () => send(request, response, { status: 500, text: "internal error\n" }),
      );
    },
  );
  server.maxConnections = 64;
  await listen(server, port, host);
  const bound = server.address() as { address: string; port: number };
  return { address: { host: bound.address, port: bound.port }, stop: () => close(server) };
}

async function answer({ method, url }: IncomingMessage, checks: HealthChecks): Promise<Answer> {
  if (method !== "GET" && method !== "HEAD") return { status: 405, text: "only GET and HEAD\n" };
  switch (url?.split("?", 1)[0]) {
    case "/livez":
      return { status: 200, text: "ok\n" };
    case "/readyz":
    case "/health/ready":
      return readiness(await checks.unreadiness(AbortSignal.timeout(checkMs)));
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

function send({ method }: IncomingMessage, response: ServerResponse, { status, contentType, text }: Answer): void {
  response.writeHead(status, {
    "content-type": contentType ?? "text/plain; charset=utf-8",
    "cache-control": "no-store",
  });
  response.end(method === "HEAD" ? undefined : text);
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
