import { existsSync } from "node:fs";
import type { Fault } from "../e2e/tenants/fault.js";
import {
  type Attempt,
  misbehave,
  type Misbehaviour,
  type Tenant,
  type TenantAccess,
} from "../e2e/tenants/misbehaviour.js";
import { misbehaviours } from "../e2e/tenants/misbehaviours.js";
import { vaultNamespace } from "../e2e/tenants/server-rows.js";
import { type Neighbour, type LoadProfile, timed, watchNeighbour } from "../e2e/tenants/neighbour.js";
import { type FaultProxy, startFaultProxy } from "../e2e/tenants/start-fault-proxy.js";
import { type Share, slowestMs, type Summary, summaryOf } from "../e2e/tenants/summary.js";
import { DriverClient } from "../src/driver/driver-client.js";
import { podVolumePath } from "../src/driver/mount-request.js";
import type { MountRequest } from "../src/wire/provider.js";
import type { Figure } from "./figure.js";
import { heldRows } from "./held-rows.js";
import { memoryOf } from "./process-figures.js";
import type { Provider } from "./provider.js";
import { type Bench, withProvider } from "./fixture.js";
import type { BenchVault } from "./vault.js";
import { Load, newPods } from "./workload.js";

const lag = "nodejs_eventloop_lag_p99_seconds";
/** The chart's limit, MiB. */
const memoryLimit = 160;

const profile: Omit<LoadProfile, "seconds"> = {
  mountEveryMs: 500,
  republishEveryMs: 100,
  probeEveryMs: 2_000,
  timeoutMs: 10_000,
};

const alone: Misbehaviour = { name: "nobody", item: "", seconds: 10 };

const tenant: Tenant = {
  namespace: "mallory",
  role: "bench",
  shortRole: "short",
  kv: (name) => `kv/data/mallory/${name}`,
  database: "db-mallory",
  hangingAuth: "hanging",
};

/** The embedded Vault has neither a database that hangs nor a TokenReview. */
const hangs: readonly Fault[] = [`${tenant.database}/creds/`, `auth/${tenant.hangingAuth}/login`].map((path) => ({
  path,
  how: { kind: "hang" },
}));

/** What a tenant with ordinary pods notices while another misbehaves: the rows of e2e/tenants, and a few more. */
export async function measureHostile(bench: Bench, vault: BenchVault): Promise<Figure[]> {
  const proxy = await startFaultProxy(vault.address);
  try {
    const quiet = await measureRow(alone, bench, vault, proxy);
    const figures = figuresOf(alone, quiet, quiet.summary);
    for (const row of [...misbehaviours, ...heldRows]) {
      console.log(`beside ${row.name} …`);
      figures.push(...figuresOf(row, await measureRow(row, bench, vault, proxy), quiet.summary));
    }
    return figures;
  } finally {
    await proxy.stop();
  }
}

interface RowRun {
  readonly summary: Summary;
  /** Milliseconds, and MiB; infinite when keymount ended. */
  readonly lagMs: number;
  readonly peak: number;
  readonly attempts: number;
}

async function measureRow(row: Misbehaviour, bench: Bench, vault: BenchVault, proxy: FaultProxy): Promise<RowRun> {
  const settings = {
    connections: {
      main: {
        addresses: [proxy.address],
        policy: { authMounts: ["kubernetes", tenant.hangingAuth], vaultNamespaces: ["", vaultNamespace] },
      },
    },
    // A row fills all of it.
    limits: { volumes: 512 },
  };
  return withProvider(
    bench,
    vault,
    async (provider, load) => {
      const neighbour = await settle(bench, provider, load);
      await provider.metric(lag); // Reading the metric resets it.
      const access = accessOf(bench, provider, proxy);
      const stop = await misbehave(row, access);
      const seconds = bench.quick ? Math.min(6, row.seconds) : row.seconds;
      const figures = await watchNeighbour(neighbour, { ...profile, seconds });
      const lives = existsSync(`/proc/${provider.pid}`);
      const [lagMs, peak] = lives
        ? [(await provider.metric(lag).catch(() => Infinity)) * 1000, memoryOf(provider.pid).peak]
        : [Infinity, Infinity];
      const { attempts, ended } = await stop();
      await ended;
      access.close();
      return { summary: summaryOf(figures), lagMs, peak, attempts };
    },
    { settings },
  );
}

function figuresOf({ name }: Misbehaviour, { summary, lagMs, peak, attempts }: RowRun, quiet: Summary): Figure[] {
  const figure = (id: string, title: string, unit: string, value: number, budget?: Figure["budget"]): Figure => ({
    id: `hostile.${id}@${name}`,
    title: `beside ${name}: ${title}`,
    unit,
    value,
    ...(budget && { budget }),
  });
  const share = ({ done, of }: Share) => (100 * done) / of;
  return [
    figure("done", "a neighbour's mounts that succeed", "%", share(summary.mounts), { atLeast: 100 }),
    figure("p50", "a neighbour's mount, p50", "ms", summary.mounts.p50),
    figure("p99", "a neighbour's mount, p99", "ms", summary.mounts.p99, { atMost: slowestMs(quiet.mounts) }),
    figure("kept", "its republishes that succeed", "%", share(summary.republishes), { atLeast: 100 }),
    figure("republish", "its republish, p99", "ms", summary.republishes.p99),
    figure("lag", "event-loop lag p99", "ms", lagMs, { atMost: 50 }),
    figure("peak-rss", "peak RSS", "MiB", peak, { atMost: memoryLimit }),
    figure("attempts", "tries of the one who misbehaves", "", attempts),
  ];
}

/** Ten volumes are served, and the machine code for what a Mount does is made. */
async function settle(bench: Bench, provider: Provider, load: Load): Promise<Neighbour> {
  const held = newPods(bench.issuer, 10);
  await load.closedLoop([...held, ...newPods(bench.issuer, 20), ...held], 4);
  return {
    mountNew: async () => (await load.closedLoop(newPods(bench.issuer, 1), 1)).wholeMs,
    republish: async (turn) => (await load.closedLoop([held[turn % held.length]!], 1)).wholeMs,
    probe: async () => timed(() => provider.metric("process_start_time_seconds")),
  };
}

/** The tenant's attempts, all of them straight to the socket. */
function accessOf(
  bench: Bench,
  { socketPath, health }: Provider,
  proxy: FaultProxy,
): TenantAccess & { close: () => void } {
  const driver = new DriverClient(socketPath, { timeoutMs: 30_000 });
  const pods = new Map<number, MountRequest>();
  const requestOf = ({ pod, volume, parameters, outsidePod }: Attempt): MountRequest => {
    const known = pods.get(pod) ?? newPods(bench.issuer, 1, [tenant.namespace], {})[0]!;
    pods.set(pod, known);
    const attributes = {
      ...(JSON.parse(known.attributes) as Record<string, string>),
      roleName: tenant.role,
      ...parameters,
    };
    const { "csi.storage.k8s.io/pod.uid": uid } = attributes as Record<string, string>;
    const targetPath = outsidePod ? "/tmp/mallory/sync" : podVolumePath(uid!, volume);
    return { ...known, attributes: JSON.stringify(attributes), targetPath };
  };
  return {
    tenant,
    socketPath,
    health,
    plan: (faults) => proxy.plan(tenant.namespace, [...faults, ...hangs]),
    mount: async (attempt, signal) => {
      const outcome = await driver.mount(requestOf(attempt), signal);
      if (!outcome.ok) throw new Error(`${outcome.code} ${outcome.message}`);
    },
    close: () => driver.close(),
  };
}
