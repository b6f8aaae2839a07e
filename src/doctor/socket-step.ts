import { lstat } from "node:fs/promises";
import { dirname } from "node:path";
import { DriverClient } from "../driver/driver-client.js";
import { connectError } from "../shared/connect-error.js";
import { quoted } from "../shared/quoted.js";
import { Problem, Skipped } from "./problems.js";
import type { CheckRunner, CheckResult } from "./check-runner.js";

/** Where driver 1.6.0 looks for sockets, in its order (main.go, provider_client.go). */
export const driverDirectories = [
  "/etc/kubernetes/secrets-store-csi-providers",
  "/var/run/secrets-store-csi-providers",
] as const;

export interface SocketPaths {
  /** Where keymount listens. */
  own: readonly string[];
  /** Where the driver would find a socket of that name as well. */
  others: readonly string[];
}

/** Looks as the driver does, and binds nothing. Only the provider's own place must have a socket. */
export async function checkSockets(
  { own, others }: SocketPaths,
  inCluster: boolean,
  runner: CheckRunner,
): Promise<void> {
  const paths = [...others.map((path) => ({ path, must: false })), ...own.map((path) => ({ path, must: true }))];
  await runner.each(paths, ({ path, must }, branch) =>
    branch.check({
      step: "socket",
      subject: path,
      fallbackProblem: "socket.mute",
      run: (signal) => checkSocket(path, { must, inCluster }, signal),
    }),
  );
}

interface Expectation {
  must: boolean;
  inCluster: boolean;
}

async function checkSocket(path: string, expected: Expectation, signal: AbortSignal): Promise<CheckResult<true>> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error) return absent(path, found.code ?? "", expected);
  if (!found.isSocket()) {
    const kind = found.isDirectory() ? "a directory" : found.isSymbolicLink() ? "a symbolic link" : "a file";
    throw new Problem("socket.not-a-socket", `there is ${kind}, no socket`);
  }
  await checkListener(path, signal);
  return callVersion(path, found.uid, signal);
}

async function absent(path: string, code: string, { must, inCluster }: Expectation): Promise<CheckResult<true>> {
  if (code === "EACCES") throw new Skipped("this user may not look there; ask again as root");
  if (code !== "ENOENT" && code !== "ENOTDIR") throw new Problem("socket.absent", `it cannot be looked at (${code})`);
  const hasDirectory = await lstat(dirname(path)).then(
    () => true,
    () => false,
  );
  if (!must && hasDirectory) return { value: true, facts: ["no socket, as it should be: keymount listens elsewhere"] };
  if (hasDirectory || (must && inCluster)) {
    throw new Problem("socket.absent", hasDirectory ? "there is no socket" : "its directory is not there");
  }
  throw new Skipped(
    must
      ? "there is no such directory here; ask on the node, or in keymount's pod"
      : "that directory is not seen from here",
  );
}

/** The kernel reports a missing listener at once; gRPC would wait and retry, as the driver does. */
async function checkListener(path: string, signal: AbortSignal): Promise<void> {
  const error = await connectError({ path }, signal);
  if (!error) return;
  const fault = error.code ?? error.name;
  if (fault === "EACCES") throw new Skipped("this user may not open it; ask again as root, or in keymount's pod");
  if (fault === "ECONNREFUSED") throw new Problem("socket.stale", "nothing listens: the process that made it is gone");
  throw new Problem("socket.mute", `it takes no connection (${fault})`);
}

async function callVersion(path: string, uid: number, signal: AbortSignal): Promise<CheckResult<true>> {
  const client = new DriverClient(path, { timeoutMs: 5_000 });
  try {
    const { runtimeName, runtimeVersion } = await client.version(signal).catch(() => {
      signal.throwIfAborted();
      throw new Problem("socket.mute", "something listens, but does not answer the driver's Version");
    });
    const who = `${quoted(runtimeName)} ${quoted(runtimeVersion)}`;
    if (runtimeName !== "keymount") throw new Problem("socket.other-program", `${who} answers here`);
    return { value: true, facts: [`keymount ${quoted(runtimeVersion)} answers`, `the socket belongs to uid ${uid}`] };
  } finally {
    client.close();
  }
}
