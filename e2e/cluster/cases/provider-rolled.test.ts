import { expect, test } from "vitest";
import { DaemonSet } from "../stack/daemon-set.js";
import { installOwnInstance, keymountNamespace } from "../stack/keymount.js";
import { createFixture } from "../stack/fixture.js";
import { twoFiles } from "../stack/two-files.js";
import { eventually } from "../../stack/eventually.js";

const { cluster, app, workloads, signal, atTheEnd } = await createFixture("rolled");
const { provider, release, remove } = await installOwnInstance(cluster, "rolled", signal);
atTheEnd(remove);

test("pods that start while keymount is rolled start with their files, and a running one never loses any", async () => {
  const secret = await twoFiles(cluster, app, {}, { provider });
  const endWatch = secret.watch();
  const old = await workloads.runPod({ volumes: secret.volumes }, signal);
  const daemonSet = new DaemonSet(app.kube, keymountNamespace, release);

  const starting = await workloads.createDeployment({ volumes: secret.volumes }, 10);
  await eventually(() => expect(secret.mounted()).resolves.toBeGreaterThan(1), signal);
  await daemonSet.roll();
  const following = await workloads.createDeployment({ volumes: secret.volumes }, 10);
  expect(await secret.mounted()).toBeLessThan(21);

  const running = [starting, following].map((deployment) => workloads.running(deployment, 10, signal));
  const pods = (await Promise.all(running)).flat();
  for (const pod of pods) expect(await pod.texts(secret.volume)).toEqual(secret.texts("1"));
  await daemonSet.untilReady(signal);
  await secret.write("2");
  await eventually(async () => expect(await old.texts(secret.volume)).toEqual(secret.texts("2")), signal);
  expect(await endWatch()).toEqual({ pods: 21, lacking: [] });
});
