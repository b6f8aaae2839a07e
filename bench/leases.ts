import { setTimeout as sleep } from "node:timers/promises";
import { type Figure, percentile } from "./figure.js";
import { cpuOf, memoryOf } from "./process-figures.js";
import { type Bench, withProvider } from "./fixture.js";
import type { BenchVault } from "./vault.js";
import { Load, newPods } from "./workload.js";

/** Each has a token and a database login of its own, and a KV secret beside them. */
const parameters = {
  roleName: "leases",
  objects: [
    ...["username", "password"].map(
      (key) => `- {objectName: ${key}, secretPath: database/creds/app, secretKey: ${key}}`,
    ),
    "- {objectName: file, secretPath: kv/data/bench/0, secretKey: value}",
  ].join("\n"),
};

/**
 * A thousand pods whose tokens and logins live two minutes, so that dozens are renewed every second, while each pod republishes
 * every ten: more work than the same pods ever make with lives of an hour.
 */
export async function measureLeases(bench: Bench, vault: BenchVault): Promise<Figure[]> {
  const count = bench.quick ? 200 : 1_000;
  const pods = newPods(bench.issuer, count, ["shop"], parameters);
  const work = async (...[provider]: Parameters<Parameters<typeof withProvider>[2]>): Promise<Figure[]> => {
    const load = new Load(provider.socketPath, 3);
    try {
      await load.closedLoop(pods, 8);
      const filled = memoryOf(provider.pid).now;
      const cpuBefore = cpuOf(provider.pid);
      const rounds = 12;
      const republishes = Array.from({ length: rounds }, () => pods).flat();
      const startedAt = performance.now();
      const { each } = await load.openLoop(republishes, count / 10);
      await sleep(2_000);
      const share = (cpuOf(provider.pid) - cpuBefore) / (performance.now() - startedAt);
      const figure = (name: string, title: string, unit: string, value: number, budget?: Figure["budget"]): Figure => ({
        id: `leases.${name}`,
        title: `${count} pods with logins that live two minutes: ${title}`,
        unit,
        value,
        ...(budget && { budget }),
      });
      return [
        figure("held", "tokens and logins held at the end", "", await provider.metric("keymount_credentials")),
        figure("made", "made in all", "", await provider.metric("keymount_credentials_made_total")),
        figure("renewed", "renewed in all", "", await provider.metric("keymount_renewals_total")),
        figure("filled-rss", "RSS once all are mounted", "MiB", filled),
        figure("peak-rss", "peak RSS", "MiB", memoryOf(provider.pid).peak, { atMost: 128 }),
        figure("cpu", "CPU, renewing and republishing", "%", share * 100),
        figure("p99", "a republish, p99", "ms", percentile(each, 0.99)),
      ];
    } finally {
      load.close();
    }
  };
  return withProvider(bench, vault, work, { state: true });
}
