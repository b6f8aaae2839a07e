import { expect, test } from "vitest";
import { DaemonSet } from "../stack/daemon-set.js";
import { keymountNamespace, sharedInstance } from "../stack/keymount.js";
import { setScene } from "../stack/scene.js";
import { twoFiles } from "../stack/two-files.js";
import { eventually } from "../../stack/eventually.js";

const { cluster, app, workloads, signal } = await setScene("rolled", "alone");

test("pods that start while keymount is rolled start with their files, and a running one never loses any", async () => {
  const secret = await twoFiles(cluster, app);
  const endWatch = secret.watch();
  const old = await workloads.runPod({ volumes: secret.volumes }, signal);
  const daemonSet = new DaemonSet(app.kube, keymountNamespace, sharedInstance);

  const deployment = await workloads.createDeployment({ volumes: secret.volumes }, 20);
  await eventually(() => expect(secret.mounted()).resolves.toBeGreaterThan(1), signal);
  await daemonSet.roll();
  expect(await secret.mounted()).toBeLessThan(21);

  const pods = await workloads.running(deployment, 20, signal, 120_000);
  for (const pod of pods) expect(await pod.texts(secret.volume)).toEqual(secret.texts("1"));
  await daemonSet.untilReady(signal);
  await secret.write("2");
  await eventually(async () => expect(await old.texts(secret.volume)).toEqual(secret.texts("2")), signal);
  expect(await endWatch()).toEqual({ pods: 21, lacking: [] });
});
