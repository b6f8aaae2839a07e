import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { eventually } from "../../stack/eventually.js";
import { providerContainer } from "../stack/provider-container.js";
import { republishMs } from "../stack/kubelet.js";
import { createFixture } from "../stack/fixture.js";
import { twoFiles } from "../stack/two-files.js";

const { cluster, app, workloads, services, signal, atTheEnd } = await createFixture("api-down", "alone");
atTheEnd(() => services.start("kube-apiserver"));

test("when the API server goes while pods start, they start with their files once it is back; a running one keeps its own", async () => {
  const secret = await twoFiles(cluster, app);
  const endWatch = secret.watch();
  const old = await workloads.runPod({ volumes: secret.volumes }, signal);

  const deployment = await workloads.createDeployment({ volumes: secret.volumes }, 10);
  await eventually(async () => expect(await workloads.pods(deployment)).toHaveLength(10), signal);
  await services.crash("kube-apiserver");
  await secret.write("2");
  await sleep(republishMs, undefined, { signal });
  expect(await old.exec("ls", `/mnt/${secret.volume}`)).toBe("password\nuser\n");
  await services.start("kube-apiserver");

  const pods = await workloads.running(deployment, 10, signal);
  for (const pod of [...pods, old]) {
    await eventually(async () => expect(await pod.texts(secret.volume)).toEqual(secret.texts("2")), signal);
  }
  expect(await endWatch()).toEqual({ pods: 11, lacking: [] });
});

test("a keymount that starts while the API server is away waits for it, and is not started once more", async () => {
  const provider = await providerContainer(cluster, app.kube);
  await services.crash("kube-apiserver");
  process.kill(provider.pid, "SIGKILL");
  // One that ends without its key would end several times in so long.
  await sleep(45_000, undefined, { signal });
  await services.start("kube-apiserver");
  const next = await eventually(async () => {
    // What the API server knows is of before, until the kubelet has told it.
    const found = await providerContainer(cluster, app.kube);
    expect(found.id).not.toBe(provider.id);
    expect(found.isReady).toBe(true);
    return found;
  }, signal);
  expect(next.restarts).toBe(provider.restarts + 1);
});
