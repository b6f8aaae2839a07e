import type { NetConnectOpts } from "node:net";
import type { Clock } from "../shared/clock.js";
import { connectError } from "../shared/connect-error.js";
import { ProviderError } from "../shared/errors.js";
import { withDeadline } from "../shared/join-signals.js";
import { Problem } from "./problems.js";
import type { CheckResult } from "./check-runner.js";
import type { HostTarget, Target } from "./target.js";

/** What a connection goes to: an IP address of the host, or the socket's path. */
export type Reached = string;

interface Attempt {
  to: Reached;
  ms: number;
  /** Node's code, where it failed. */
  fault?: string;
}

/** How long one attempt may take. */
export interface ConnectLimit {
  ms: number;
  clock: Clock;
}

const mostTried = 16;
const meanings: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refuses connections",
  TIMEOUT: "does not accept a connection in time",
  EHOSTUNREACH: "cannot be reached",
  ENETUNREACH: "cannot be reached: there is no route to it",
  ENOENT: "is not there",
  EACCES: "may not be opened by this user",
};

/** Connects to every address of the name: one that works is enough, and those that do not are reported. */
export async function checkTcp(
  target: Target,
  addresses: readonly string[],
  limit: ConnectLimit,
  signal: AbortSignal,
): Promise<CheckResult<Reached>> {
  const tries =
    "socketPath" in target
      ? [attempt(target.socketPath, { path: target.socketPath }, limit, signal)]
      : addresses.slice(0, mostTried).map((host) => attempt(host, { host, port: target.port }, limit, signal));
  const attempts = await Promise.all(tries);
  const open = attempts.filter(({ fault }) => fault === undefined);
  const closed = attempts.filter(({ fault }) => fault !== undefined).map((one) => meaningOf(one, target));
  if (!open[0]) throw new Problem(problemOf(attempts), closed.join("; "));
  const facts = open.map(({ to, ms }) => `${destinationOf(to, target)} accepts connections (${ms} ms)`);
  return { value: open[0].to, facts, warnings: closed };
}

async function attempt(
  to: string,
  options: NetConnectOpts,
  { ms, clock }: ConnectLimit,
  signal: AbortSignal,
): Promise<Attempt> {
  const startedAt = clock.monotonic();
  const deadline = withDeadline(
    signal,
    ms,
    () => new ProviderError("deadline_exceeded", "connecting took too long"),
    clock,
  );
  try {
    const error = await connectError(options, deadline.signal);
    const fault = error && (error.code ?? error.name);
    return { to, ms: Math.round(clock.monotonic() - startedAt), ...(fault !== undefined && { fault }) };
  } catch {
    signal.throwIfAborted();
    return { to, ms, fault: "TIMEOUT" };
  } finally {
    deadline.release();
  }
}

function problemOf(attempts: readonly Attempt[]): "tcp.refused" | "tcp.unreachable" {
  const isRefused = attempts.every(({ fault }) => fault === "ECONNREFUSED" || fault === "ENOENT" || fault === "EACCES");
  return isRefused ? "tcp.refused" : "tcp.unreachable";
}

function meaningOf({ to, fault = "" }: Attempt, target: Target): string {
  return `${destinationOf(to, target)} ${meanings[fault] ?? `cannot be connected to (${fault.slice(0, 40)})`}`;
}

function destinationOf(to: Reached, target: Target): string {
  return "socketPath" in target ? to : hostAndPort(to, target);
}

function hostAndPort(address: string, { port }: HostTarget): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
