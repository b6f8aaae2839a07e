import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { DaemonSet } from "../stack/daemon-set.js";
import { leaveDeadSocket } from "../stack/dead-socket.js";
import { installOwnInstance, keymountNamespace } from "../stack/keymount.js";
import { socketFolders } from "../stack/node.js";
import { createFixture } from "../stack/fixture.js";
import { twoFiles } from "../stack/two-files.js";

/** The driver's own timeout of a Mount is two minutes: the pods see that, and how the kubelet handles it. */
const absenceMs = 180_000;

/** The absence, what leads to it, and the kubelet's longest pause after failures, which is two minutes. */
const timeoutMs = 540_000;

const { cluster, app, workloads, signal, atTheEnd } = await createFixture("absent");
const { provider, release, remove } = await installOwnInstance(cluster, "absent", signal);
atTheEnd(remove);

test(
  "pods that come in three minutes without keymount, its dead socket left behind, wait and start with their files; a running one keeps its own",
  async () => {
    const secret = await twoFiles(cluster, app, {}, { provider });
    const endWatch = secret.watch();
    const old = await workloads.runPod({ volumes: secret.volumes }, signal);
    const daemonSet = new DaemonSet(app.kube, keymountNamespace, release);

    await daemonSet.pause(signal);
    await leaveDeadSocket(join(socketFolders.usual, `${provider}.sock`));
    const deployment = await workloads.createDeployment({ volumes: secret.volumes }, 5);
    await sleep(absenceMs, undefined, { signal });
    expect(await secret.mounted()).toBe(1);
    expect(await old.texts(secret.volume)).toEqual(secret.texts("1"));
    await secret.write("2");
    await daemonSet.resume(signal);

    const pods = await workloads.running(deployment, 5, signal, 180_000);
    for (const pod of [...pods, old]) {
      await expect.poll(() => pod.texts(secret.volume), { timeout: 60_000 }).toEqual(secret.texts("2"));
    }
    expect(await endWatch()).toEqual({ pods: 6, lacking: [] });
  },
  timeoutMs,
);
