import { expect, test } from "vitest";
import { eventually } from "../../stack/eventually.js";
import { DaemonSet } from "../stack/daemon-set.js";
import { startFaultyProxy } from "../stack/faulty-proxy.js";
import { installBefore } from "../stack/instance-before.js";
import { keymountNamespace, releaseOf } from "../stack/keymount.js";
import { providerContainer } from "../stack/provider-container.js";
import { createFixture } from "../stack/fixture.js";
import { twoFiles } from "../stack/two-files.js";

const { cluster, app, workloads, signal, atTheEnd } = await createFixture("killed");
const provider = "killed";
const release = releaseOf(provider);
const proxy = await startFaultyProxy(cluster.vault);
atTheEnd(proxy.stop);
atTheEnd(await installBefore(cluster, app.kube, provider, { proxy }, signal));

test("twenty pods whose mounts were under way when keymount was killed all start with their files; a running one keeps its own", async () => {
  const secret = await twoFiles(cluster, app, {}, { provider });
  const endWatch = secret.watch();
  const old = await workloads.runPod({ volumes: secret.volumes }, signal);
  const { id, pid } = await providerContainer(cluster, app.kube, release);

  proxy.fault({ delayMs: 5_000 });
  const deployment = await workloads.createDeployment({ volumes: secret.volumes }, 20);
  await eventually(async () => {
    const underWay = (await workloads.pods(deployment)).filter(({ metadata }) => proxy.met(metadata.name) > 0);
    expect(underWay.length).toBeGreaterThan(1);
  }, signal);
  process.kill(pid, "SIGKILL");
  expect(await secret.mounted()).toBe(1);
  proxy.fault();

  const pods = await workloads.running(deployment, 20, signal);
  for (const pod of pods) expect(await pod.texts(secret.volume)).toEqual(secret.texts("1"));
  await new DaemonSet(app.kube, keymountNamespace, release).untilReady(signal);
  expect((await providerContainer(cluster, app.kube, release)).id).not.toBe(id);
  await secret.write("2");
  await eventually(async () => expect(await old.texts(secret.volume)).toEqual(secret.texts("2")), signal);
  expect(await endWatch()).toEqual({ pods: 21, lacking: [] });
});
