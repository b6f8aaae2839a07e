import { type Figure, percentile } from "./figure.js";
import { cpuOf } from "./process-figures.js";
import { type Bench, withProvider } from "./fixture.js";
import type { BenchVault } from "./vault.js";
import { newPods } from "./workload.js";

const requests = "keymount_vault_requests_total";

/** Mounts of volumes that are served already, while nothing they hold is due. */
export async function measureRepublishing(bench: Bench, vault: BenchVault): Promise<Figure[]> {
  const [few, many] = bench.quick ? [500, 2_000] : [2_000, 10_000];
  const pods = newPods(bench.issuer, 50);
  const republishes = (count: number) => Array.from({ length: count }, (_, n) => pods[n % pods.length]!);
  return withProvider(bench, vault, async (provider, load) => {
    await load.closedLoop(pods, 16);
    await load.closedLoop(republishes(500), 1);
    const requestsBefore = await provider.metric(requests);
    const alone = await load.closedLoop(republishes(few), 1);
    const cpuBefore = cpuOf(provider.pid);
    const together = await load.closedLoop(republishes(many), 16);
    const cpuMs = (cpuOf(provider.pid) - cpuBefore) / many;
    const asked = (await provider.metric(requests)) - requestsBefore;
    const figure = (name: string, title: string, unit: string, value: number, budget?: Figure["budget"]): Figure => ({
      id: `republish.${name}`,
      title: `republish, nothing due: ${title}`,
      unit,
      value,
      ...(budget && { budget }),
    });
    return [
      figure("p50", "p50, C=1", "ms", percentile(alone.each, 0.5), { atMost: 2 }),
      figure("p99", "p99, C=1", "ms", percentile(alone.each, 0.99)),
      figure("rate", "rate, C=16", "/s", (many / together.wholeMs) * 1000, { atLeast: 1_000 }),
      figure("cpu", "CPU per republish", "ms", cpuMs),
      figure("requests", "requests to Vault", "", asked, { atMost: 0 }),
    ];
  });
}
