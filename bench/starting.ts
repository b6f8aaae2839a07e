import { setTimeout as sleep } from "node:timers/promises";
import { type Figure, median } from "./figure.js";
import { memoryOf } from "./process-figures.js";
import type { Bench } from "./fixture.js";
import type { BenchVault } from "./vault.js";

const settledMs = 3_000;
const idleBudgetOf = (version: string) => (version.startsWith("v20.") ? 64 : 80);

/** The time from exec to the socket, and the memory of an idle process. */
export async function measureStarting(bench: Bench, vault: BenchVault, version: string): Promise<Figure[]> {
  const readyMs: number[] = [];
  const cpuMs: number[] = [];
  const idle: number[] = [];
  for (let n = 0; n < (bench.quick ? 3 : 9); n += 1) {
    const provider = await bench.start(vault, { state: true });
    readyMs.push(provider.readyMs);
    cpuMs.push(provider.readyCpuMs);
    if (n < 3) {
      await sleep(settledMs);
      idle.push(memoryOf(provider.pid).now);
    }
    await provider.stop();
  }
  return [
    { id: "start.ready", title: "exec to socket, median", unit: "ms", value: median(readyMs), budget: { atMost: 250 } },
    { id: "start.cpu", title: "exec to socket, CPU, median", unit: "ms", value: median(cpuMs) },
    {
      id: "start.idle-rss",
      title: "idle RSS, median",
      unit: "MiB",
      value: median(idle),
      budget: { atMost: idleBudgetOf(version) },
    },
  ];
}
