import { ProviderError } from "../shared/errors.js";
import { named } from "../shared/quoted.js";
import type { RunningProcess } from "./process-table.js";

export interface ProcessPorts {
  processes: () => Promise<readonly RunningProcess[]>;
  /** As `process.kill`. */
  kill: (pid: number, signal: NodeJS.Signals) => unknown;
  /** Our own process, which is never signalled. */
  self: { pid: number; uid: number };
}

/**
 * Sends a signal to the topmost processes of a name: a server's workers have its name too, and their parent tells them what
 * to do (nginx's master, at HUP). Gives what was done. Throws `not_found` where there is none, and `permission_denied`.
 */
export async function signalProcesses(
  { signal, program: name }: { signal: NodeJS.Signals; program: string },
  ports: ProcessPorts,
): Promise<string> {
  const others = (await ports.processes()).filter(({ pid }) => pid !== ports.self.pid);
  const targets = topmost(name, others);
  if (targets.length === 0) throw notFound(name, ports.self.pid);
  const faults = targets.map((target) => send(signal, target, ports)).filter((fault) => fault !== undefined);
  if (faults.length > 0) throw new ProviderError("permission_denied", faults.join("; "));
  const pids = targets.map(({ pid }) => pid).join(", ");
  return `${signal} sent to ${named(name)} (${targets.length === 1 ? "process" : "processes"} ${pids})`;
}

/** Those of that name of which no ancestor has it. */
export function topmost(name: string, processes: readonly RunningProcess[]): RunningProcess[] {
  const byPid = new Map(processes.map((one) => [one.pid, one]));
  return processes.filter((one) => {
    if (!isNamed(one, name)) return false;
    const passed = new Set([one.pid]);
    for (let above = byPid.get(one.parent); above && !passed.has(above.pid); above = byPid.get(above.parent)) {
      if (isNamed(above, name)) return false;
      passed.add(above.pid);
    }
    return true;
  });
}

/** Node calls its main thread MainThread, and nginx writes its role over its arguments: either name counts. */
function isNamed({ comm, program }: RunningProcess, name: string): boolean {
  return program === name || comm === Buffer.from(name).toString("utf8", 0, 15);
}

function send(signal: NodeJS.Signals, { pid, uid, comm }: RunningProcess, { kill, self }: ProcessPorts) {
  try {
    kill(pid, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // It has ended since: the next one of that name starts with the new files.
    if (code === "ESRCH") return undefined;
    if (code !== "EPERM") throw error;
    return `process ${pid} (${named(comm)}) may not be signalled: it runs as user ${uid}, and keymount as ${self.uid}; set runAsUser: ${uid} in this container's securityContext, or run it as user 0 with the capability KILL`;
  }
  return undefined;
}

function notFound(name: string, self: number): ProviderError {
  // Process 1 of a pod that shares its processes is the sandbox's.
  const why =
    self === 1 ? "this container sees its own processes alone: set shareProcessNamespace: true in the pod" : "";
  return new ProviderError("not_found", `no process is called ${named(name)}${why && `; ${why}`}`);
}
