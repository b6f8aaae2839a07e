import { readFileSync } from "node:fs";
import { getHeapStatistics } from "node:v8";

/** What an act cost, at most in one round of the event loop. */
export interface Cost {
  /** CPU of this thread, in milliseconds: what others were kept waiting for, however busy the machine is. */
  blockedMs: number;
  /** Bytes of the heap and beside it, beyond those there were before. */
  grownBytes: number;
}

/** Looks once in each round while the act is under way. */
export async function costOf(act: () => Promise<void>): Promise<Cost> {
  const before = heldBytes();
  const cost: Cost = { blockedMs: 0, grownBytes: 0 };
  let last = threadCpuMs();
  const look = () => {
    const now = threadCpuMs();
    cost.blockedMs = Math.max(cost.blockedMs, now - last);
    cost.grownBytes = Math.max(cost.grownBytes, heldBytes() - before);
    last = threadCpuMs();
  };
  let next = setImmediate(function again() {
    look();
    next = setImmediate(again);
  });
  try {
    await act();
  } finally {
    clearImmediate(next);
    look();
  }
  return cost;
}

function heldBytes(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}

interface CpuOfThread {
  threadCpuUsage?: () => NodeJS.CpuUsage;
}

/** Of this thread where Node or Linux tell, so that the collector's helpers do not count; else of the process. */
function threadCpuMs(): number {
  const ofThread = (process as CpuOfThread).threadCpuUsage?.();
  if (ofThread) return (ofThread.user + ofThread.system) / 1_000;
  try {
    return Number(readFileSync("/proc/thread-self/schedstat", "latin1").split(" ", 1)[0]) / 1e6;
  } catch {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  }
}
