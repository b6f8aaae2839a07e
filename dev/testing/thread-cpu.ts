import { readFileSync } from "node:fs";

/**
 * Milliseconds that this thread has computed: what a test may hold a hostile input to while other work waits for the same
 * cores. Linux counts them (proc_pid_schedstat(5)), to a tick of the scheduler; elsewhere it is the time.
 */
export function threadCpuMs(): number {
  if (process.platform !== "linux") return performance.now();
  return Number(readFileSync("/proc/thread-self/schedstat", "latin1").split(" ")[0]) / 1e6;
}
