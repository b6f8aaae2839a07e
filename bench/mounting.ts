import { type Figure, percentile } from "./figure.js";
import { connectionsOf, cpuOf, memoryOf } from "./process-figures.js";
import { type Bench, withProvider } from "./fixture.js";
import type { BenchVault } from "./vault.js";
import { newPods } from "./workload.js";

/** Not counted: the machine code for what a Mount does is made during these. */
const warmUps = 100;
/** `limits.inFlight` of a connection, which is also how many sockets it may have. */
const connectionCap = 16;
/** Connections stay open; a look at them costs milliseconds of the two cores. */
const samplingMs = 500;

/** One of them alone cannot use all of the connections. */
const namespaces = ["shop", "bank"];
/** Of what the bare client reached. */
const [mostOfFloorTime, leastOfFloorRate] = [1.3, 0.8];

/** First Mounts of new pods, `concurrency` at a time; `measured` holds the floor, where the run has measured it. */
export async function measureMounting(
  bench: Bench,
  vault: BenchVault,
  concurrency: number,
  measured: readonly Figure[],
): Promise<Figure[]> {
  const count = (concurrency === 1 ? 500 : 3_000) / (bench.quick ? 5 : 1);
  const pods = newPods(bench.issuer, warmUps + count, namespaces);
  const floor = (name: string) => measured.find(({ id }) => id === `floor-${concurrency}.${name}@${vault.name}`)?.value;
  const [floorMs, floorRate] = [floor("p50"), floor("rate")];
  return withProvider(bench, vault, async ({ pid }, load) => {
    let connections = 0;
    const sampling = setInterval(() => {
      connections = Math.max(connections, connectionsOf(pid, vault.port));
    }, samplingMs);
    try {
      await load.closedLoop(pods.slice(0, warmUps), concurrency);
      const [cpuBefore, ownBefore] = [cpuOf(pid), cpuOf(process.pid)];
      const { each, wholeMs } = await load.closedLoop(pods.slice(warmUps), concurrency);
      const [cpuMs, ownMs] = [(cpuOf(pid) - cpuBefore) / count, (cpuOf(process.pid) - ownBefore) / count];
      const figure = (name: string, title: string, unit: string, value: number, budget?: Figure["budget"]): Figure => ({
        id: `mount-${concurrency}.${name}@${vault.name}`,
        title: `mount, C=${concurrency}, ${vault.name}: ${title}`,
        unit,
        value,
        ...(budget && { budget }),
      });
      const p50Budget = { atMost: floorMs === undefined ? 2 * vault.roundTripMs + 15 : mostOfFloorTime * floorMs };
      const rateBudget = { atLeast: floorRate === undefined ? 150 : leastOfFloorRate * floorRate };
      return [
        figure("p50", "p50", "ms", percentile(each, 0.5), concurrency === 1 ? p50Budget : undefined),
        figure("p99", "p99", "ms", percentile(each, 0.99)),
        figure("rate", "rate", "/s", (count / wholeMs) * 1000, concurrency === 1 ? undefined : rateBudget),
        figure("cpu", "CPU per mount", "ms", cpuMs),
        figure("load-cpu", "CPU per mount of the bench itself", "ms", ownMs),
        figure("peak-rss", "peak RSS", "MiB", memoryOf(pid).peak),
        figure("connections", "connections to Vault", "", connections, { atMost: connectionCap }),
      ];
    } finally {
      clearInterval(sampling);
    }
  });
}

/** A node that fills: 20 new pods a second, from a cold start. */
export async function measureFilling(bench: Bench, vault: BenchVault): Promise<Figure[]> {
  const perSecond = 20;
  const pods = newPods(bench.issuer, perSecond * (bench.quick ? 5 : 15));
  return withProvider(bench, vault, async (provider, load) => {
    await provider.metric(lag); // Reading the metric resets it.
    const cpuBefore = cpuOf(provider.pid);
    const { each } = await load.openLoop(pods, perSecond);
    const lagMs = (await provider.metric(lag)) * 1000;
    const cpuMs = (cpuOf(provider.pid) - cpuBefore) / pods.length;
    const figure = (name: string, title: string, unit: string, value: number, budget?: Figure["budget"]): Figure => ({
      id: `fill.${name}@${vault.name}`,
      title: `${perSecond} mounts/s, ${vault.name}: ${title}`,
      unit,
      value,
      ...(budget && { budget }),
    });
    return [
      figure("p50", "p50", "ms", percentile(each, 0.5)),
      figure("p99", "p99", "ms", percentile(each, 0.99)),
      figure("cpu", "CPU per mount", "ms", cpuMs),
      figure("peak-rss", "peak RSS", "MiB", memoryOf(provider.pid).peak, { atMost: 96 }),
      figure("lag", "event-loop lag p99", "ms", lagMs, { atMost: 50 }),
    ];
  });
}

const lag = "nodejs_eventloop_lag_p99_seconds";
