import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, inject, test } from "vitest";
import { stringify } from "yaml";
import { readPrepared } from "../prepared.js";
import { imageEnvironment, imageFlags } from "../../dev/testing/image.js";
import { createApplication } from "../stack/application.js";
import { makeMemoryGroup, ownMemory } from "../stack/cgroups.js";
import { eventually } from "../stack/eventually.js";
import { createKeymountAccount } from "../stack/keymount-account.js";
import { KubeApi } from "../stack/kube-api.js";
import { chartRules, mountState } from "../stack/lease-fixture.js";
import { createFixture } from "../stack/fixture.js";
import { misbehave, type Misbehaved, type Misbehaviour } from "../tenants/misbehaviour.js";
import { misbehaviours } from "../tenants/misbehaviours.js";
import { type LoadProfile, watchNeighbour } from "../tenants/neighbour.js";
import { createRealNeighbour } from "../tenants/real-neighbour.js";
import { createRealTenant } from "../tenants/real-tenant.js";
import { vaultNamespace } from "../tenants/server-rows.js";
import { startFaultProxy } from "../tenants/start-fault-proxy.js";
import { type Problems, problemsOf, type Summary, summaryOf } from "../tenants/summary.js";
import { type TableRow, tenantsTable } from "../tenants/table.js";

/** The chart's. */
const memoryLimit = 160 * 2 ** 20;
/** So long a tenant's last attempts are waited for once it has stopped. */
const endingMs = 30_000;
const profile: Omit<LoadProfile, "seconds"> = {
  mountEveryMs: 2_000,
  republishEveryMs: 500,
  probeEveryMs: 2_000,
  timeoutMs: 15_000,
};

const shared = inject("stack");
const proxy = await startFaultProxy(shared.vault.address);
const account = await createKeymountAccount(new KubeApi(shared.kubernetes), chartRules);
const stateDir = join(await mountState(shared.directory), "vault");
const settings = {
  connections: {
    main: {
      addresses: [proxy.address],
      policy: { authMounts: ["kubernetes", "kubernetes-*"], vaultNamespaces: ["", vaultNamespace] },
    },
  },
  keySecret: "keymount-key",
  stateDir,
  podWatch: true,
  events: true,
  // A row fills all of it, which with the default of 4,096 would be the whole of its time.
  limits: { volumes: 512 },
};
const config = join(shared.directory, "tenants.yaml");
await writeFile(config, stringify(settings));
// The kernel ends what needs more: the row then says that keymount ended.
const cgroup = await makeMemoryGroup(readPrepared().cgroup, "tenants", memoryLimit);
const provider = {
  serviceAccount: account,
  flags: [`--config=${config}`],
  nodeFlags: imageFlags,
  env: imageEnvironment,
  cgroup,
};
const {
  node,
  app: neighbourly,
  signal,
} = await createFixture("tenant-b", {
  driver: "1.6.0",
  rotationPollInterval: "1s",
  providers: { vault: provider },
});
const neighbour = await createRealNeighbour(neighbourly, node, signal);
const keymount = node.provider();

/** Warm, as a node is that has run for a while; then what the neighbour sees when no tenant misbehaves. */
await watchNeighbour(neighbour, { ...profile, seconds: 6 });
await freshPeak();
const quiet = summaryOf(await watchNeighbour(neighbour, { ...profile, seconds: 24 }));
const table: TableRow[] = [
  { name: "no tenant misbehaves", summary: quiet, ownMiB: await ownMiB(), peakMiB: await peakMiB(), ended: false },
];

afterAll(async () => {
  await proxy.stop();
  console.log(tenantsTable(table));
});

test.each(misbehaviours.map((row) => [row.item, row.name, row] as const))(
  "%s: beside %s every mount of another tenant succeeds, in its time",
  async (_item, _name, row) => {
    let { failed, slow, tableRow } = await run(row, quiet);
    // The machine has other work, and the slowest of a dozen is quickly slow: it counts when it is so three times, and
    // beside what is quiet by then.
    for (let again = 0; again < 2 && failed.length === 0 && slow.length > 0; again += 1) {
      const quietNow = summaryOf(await watchNeighbour(neighbour, { ...profile, seconds: 12 }));
      ({ failed, slow, tableRow } = await run(row, quietNow));
    }
    table.push(tableRow);
    const problems = [...failed, ...slow];
    if (problems.length > 0) throw new Error(problems.join("\n"));
  },
  400_000,
);

/** One row, with a tenant of its own: none of its paths rests for what a row before did to it. It has left afterwards. */
async function run(row: Misbehaviour, quiet: Summary): Promise<Problems & { tableRow: TableRow }> {
  const app = await createApplication(shared, "tenant-a");
  const nuisance = await createRealTenant({ app, node, proxy, kubernetes: shared.kubernetes });
  await freshPeak();
  const pid = keymount.pid();
  const stop = await misbehave(row, nuisance);
  let own = 0;
  const sampling = setInterval(() => void ownMiB().then((mib) => (own = Math.max(own, mib))), 100);
  const figures = await watchNeighbour(neighbour, { ...profile, seconds: row.seconds });
  clearInterval(sampling);
  const ended = !existsSync(`/proc/${pid}`);
  const peak = ended ? Infinity : await peakMiB();
  nuisance.blackhole.refuse();
  const misbehaved = await stop();
  await Promise.race([misbehaved.ended, sleep(endingMs)]);
  const { failed, slow } = problemsOf(figures, quiet);
  const problems: string[] = ended ? [`keymount ended: ${await lastText(keymount.log)}`, ...failed] : [...failed];
  if (problems.length > 0) await startAnew();
  const least = row.least ?? 1;
  if (misbehaved.met < least) problems.push(`met ${misbehaved.met} times, not ${least}: ${words(misbehaved)}`);
  await nuisance.leave();
  console.log(`${row.name}: ${words(misbehaved)}`);
  const summary = summaryOf(figures);
  return { failed: problems, slow, tableRow: { name: row.name, summary, ownMiB: own, peakMiB: peak, ended } };
}

/**
 * What a row broke must not become the next one's fault: nothing is kept, and the driver, which rests up to two minutes
 * before it asks a provider again that was away, has come back.
 */
async function startAnew(): Promise<void> {
  await keymount.crash();
  await rm(stateDir, { recursive: true, force: true });
  await keymount.start();
  await eventually(() => neighbour.mountNew(), signal, 150_000);
}

/** The kernel counts the most memory from here on. proc_pid_clear_refs(5). */
async function freshPeak(): Promise<void> {
  await writeFile(`/proc/${keymount.pid()}/clear_refs`, "5");
}

/** Of the daemon and its worker, at this moment. */
async function ownMiB(): Promise<number> {
  return (await ownMemory(cgroup)) / 2 ** 20;
}

/** The most that was resident of the daemon, Node's program file among it, which the kernel shares and gives back. */
async function peakMiB(): Promise<number> {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(await readFile(`/proc/${keymount.pid()}/status`, "utf8"))![1]) / 1024;
}

async function lastText(log: string): Promise<string> {
  const lines = (await readFile(log, "utf8")).trimEnd().split("\n");
  const fatal = lines.slice(-200).find((line) => /FATAL|Error|fatal/.test(line) && !line.startsWith("{"));
  return (fatal ?? lines.at(-1) ?? "").slice(0, 300);
}

function words({ attempts, mounted, met, lastRefusal }: Misbehaved): string {
  return `${attempts} attempts, ${mounted} of them mounted; met ${met} times${lastRefusal && `; the last refusal: ${lastRefusal}`}`;
}
