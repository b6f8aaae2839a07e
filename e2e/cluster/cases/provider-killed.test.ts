import { expect, test } from "vitest";
import { eventually } from "../../stack/eventually.js";
import { DaemonSet } from "../stack/daemon-set.js";
import { keymountNamespace, sharedInstance } from "../stack/keymount.js";
import { providerContainer } from "../stack/provider-container.js";
import { createFixture } from "../stack/fixture.js";
import { twoFiles } from "../stack/two-files.js";

const { cluster, app, workloads, signal } = await createFixture("killed", "alone");

test("twenty pods whose mounts were under way when keymount was killed all start with their files; a running one keeps its own", async () => {
  const secret = await twoFiles(cluster, app);
  const endWatch = secret.watch();
  const old = await workloads.runPod({ volumes: secret.volumes }, signal);
  const { id, pid } = await providerContainer(cluster, app.kube);

  const deployment = await workloads.createDeployment({ volumes: secret.volumes }, 20);
  await eventually(() => expect(secret.mounted()).resolves.toBeGreaterThan(1), signal);
  process.kill(pid, "SIGKILL");
  const mounted = await secret.mounted();
  expect(mounted).toBeLessThan(21);

  const pods = await workloads.running(deployment, 20, signal, 120_000);
  for (const pod of pods) expect(await pod.texts(secret.volume)).toEqual(secret.texts("1"));
  await new DaemonSet(app.kube, keymountNamespace, sharedInstance).untilReady(signal);
  expect((await providerContainer(cluster, app.kube)).id).not.toBe(id);
  await secret.write("2");
  await eventually(async () => expect(await old.texts(secret.volume)).toEqual(secret.texts("2")), signal);
  expect(await endWatch()).toEqual({ pods: 21, lacking: [] });
});
