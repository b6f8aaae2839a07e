import { FairBudget } from "../src/shared/fair-budget.js";
import { EventLoopScheduler } from "../src/shared/event-loop-scheduler.js";
import { SecretCache } from "../src/leases/secret-cache.js";
import { CachedSecretSource } from "../src/leases/cached-secret-source.js";
import { Redacted } from "../src/shared/redacted.js";
import { samplePrincipal } from "../dev/testing/counting-vault.js";
import { FakeClock } from "../dev/testing/fake-clock.js";
import { sampleStoredToken, usualRules } from "../dev/testing/test-credentials.js";
import type { Figure } from "./figure.js";
import { readsPerMount } from "./workload.js";

const minute = 60_000;
const hour = 60 * minute;
/** The kubelet republishes a volume every 60 to 90 seconds. */
const republishEveryMs = 75_000;
const volumes = 20;
const hours = 6;

/** Reads of Vault that a volume of ten objects costs an hour, first Mount left out, by its `refreshInterval`. */
export async function countVolumeHours(): Promise<Figure[]> {
  const incumbent: Figure = {
    id: "volume-hour.go-provider",
    title: "Vault reads per volume-hour: Go provider (reckoned)",
    unit: "",
    value: (hour / republishEveryMs) * readsPerMount,
  };
  return [
    incumbent,
    figureOf("1m", await readsPerHour(minute), incumbent.value),
    figureOf("2m", await readsPerHour(2 * minute), incumbent.value),
    figureOf("1h", await readsPerHour(hour), incumbent.value),
  ];
}

function figureOf(interval: string, value: number, atMost: number): Figure {
  return {
    id: `volume-hour.${interval}`,
    title: `Vault reads per volume-hour: refreshInterval ${interval}`,
    unit: "",
    value,
    budget: { atMost },
  };
}

async function readsPerHour(refreshIntervalMs: number): Promise<number> {
  const clock = new FakeClock();
  let reads = 0;
  const answers = new CachedSecretSource({
    inFlight: new FairBudget(64 << 20),
    mountBytes: 1 << 20,
    scheduler: new EventLoopScheduler(clock),
    cache: new SecretCache({ volumes: 1_000, bytes: 64 << 20 }, () => false),
    reader: {
      async ask() {
        reads += 1;
        const reply = { body: new Redacted({}), bytes: 1024, requestedAt: clock.monotonic() };
        return { reply, stored: sampleStoredToken() };
      },
      offer() {},
      revokeUndelivered() {},
      hasMade: () => false,
    },
    clock,
    random: evenlySpread(),
    emit: () => {},
    rules: usualRules,
    journal: { persist: async () => {} },
    credentialsRefused: () => undefined,
    refreshRequested: () => undefined,
  });
  const fetches = Array.from({ length: readsPerMount }, (_, object) => ({
    request: { method: "GET", path: `kv/data/bench/${object}`, query: "" } as const,
    options: { refreshIntervalMs },
  }));
  const mountAll = async () => {
    for (let n = 0; n < volumes; n += 1) {
      const transaction = answers.begin(samplePrincipal({ ownerKey: `pod-${n}` }));
      await transaction.read(fetches, "keep", new AbortController().signal);
      transaction.commit("v");
      transaction.end();
    }
  };
  await mountAll();
  reads = 0;
  for (let at = 0; at < hours * hour; at += republishEveryMs) {
    await clock.advance(republishEveryMs);
    await mountAll();
  }
  return reads / volumes / hours;
}

/** The same draws in every run: the golden ratio's multiples fill 0 to 1 evenly. */
function evenlySpread(): () => number {
  let n = 0;
  return () => (n++ * 0.618_033_988_75) % 1;
}
