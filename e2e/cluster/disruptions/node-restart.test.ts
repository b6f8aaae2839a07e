import { expect, test } from "vitest";
import { auditedRequests } from "../../stack/audit-log.js";
import { eventually } from "../../stack/eventually.js";
import { DaemonSet } from "../stack/daemon-set.js";
import { keymountNamespace, sharedInstance } from "../stack/keymount.js";
import { mostMemory, providerContainer } from "../stack/provider-container.js";
import { createFixture } from "../stack/fixture.js";
import { twoFiles } from "../stack/two-files.js";

const { cluster, app, workloads, services, signal, atTheEnd } = await createFixture("restart", "alone");
const daemonSet = new DaemonSet(app.kube, keymountNamespace, sharedInstance);
const program = (name: string) => ({ stop: () => services.stop(name), start: () => services.start(name) });

const parts = {
  kubelet: program("kubelet"),
  driver: program("csi-driver-1.6.0"),
  /** A container: allowed to start before there is a kubelet, it starts once there is. */
  provider: { stop: stopProvider, start: () => daemonSet.callBack() },
};
type Part = keyof typeof parts;

async function stopProvider(): Promise<void> {
  const { pid } = await providerContainer(cluster, app.kube);
  await daemonSet.sendAway();
  await eventually(() => expect(() => process.kill(pid, "SIGTERM")).toThrow("ESRCH"), signal);
}

async function restart(order: readonly Part[], meanwhile: () => Promise<string>): Promise<string> {
  for (const part of order) await parts[part].stop();
  const name = await meanwhile();
  for (const part of order) await parts[part].start();
  return name;
}

atTheEnd(async () => {
  for (const part of Object.values(parts)) await part.start();
  await daemonSet.untilReady(signal);
});

const secret = await twoFiles(cluster, app);
const { volumes, volume } = secret;
const old = await workloads.runPod({ volumes }, signal);

test.each<[Part, Part, Part]>([
  ["kubelet", "driver", "provider"],
  ["kubelet", "provider", "driver"],
  ["driver", "kubelet", "provider"],
  ["driver", "provider", "kubelet"],
  ["provider", "kubelet", "driver"],
  ["provider", "driver", "kubelet"],
])(
  "%s, %s and %s, stopped and started in this order: a pod that came in between starts with its files",
  async (...order) => {
    const endWatch = secret.watch();

    const name = await restart(order, () => workloads.createPod({ volumes }));

    const [pod] = await workloads.running(name, 1, signal);
    expect(await pod!.texts(volume)).toEqual(secret.texts("1"));
    expect(await old.texts(volume)).toEqual(secret.texts("1"));
    expect((await endWatch()).lacking).toEqual([]);
    await daemonSet.untilReady(signal);
  },
);

test("sixty pods that start at once on a node that came back all start with their files, each by one login", async () => {
  const logins = async () =>
    (await auditedRequests(cluster.vault.auditLog, app.namespace)).filter(({ what }) => what === "login").length;
  const endWatch = secret.watch();
  const before = { logins: await logins(), mounted: await secret.mounted() };

  let started = 0;
  const deployment = await restart(["driver", "provider", "kubelet"], async () => {
    const name = await workloads.createDeployment({ volumes }, 60);
    await eventually(async () => expect(await workloads.pods(name)).toHaveLength(60), signal);
    started = performance.now();
    return name;
  });
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(1)} s`;
  await eventually(async () => expect(await secret.mounted()).toBe(before.mounted + 60), signal);
  const mounted = seconds();
  await workloads.running(deployment, 60, signal, 240_000);
  const ran = seconds();

  const memory = (await mostMemory(await providerContainer(cluster, app.kube))) / (1 << 20);
  const made = (await logins()) - before.logins;
  const held = `keymount's container held ${memory.toFixed(0)} MiB at most`;
  console.log(`sixty pods had their files after ${mounted} and ran after ${ran}; ${made} logins; ${held}`);
  // The pods that ran before log in again as well: keymount's memory is gone.
  expect(made).toBeLessThanOrEqual(60 + before.mounted);
  expect((await endWatch()).lacking).toEqual([]);
});
