import { status } from "@grpc/grpc-js";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { eventually } from "../../stack/eventually.js";
import { installBefore } from "../stack/instance-before.js";
import { startFaultyProxy } from "../stack/faulty-proxy.js";
import { socketFolders } from "../stack/node.js";
import { startOtherProvider } from "../stack/other-provider.js";
import { createFixture } from "../stack/fixture.js";
import { twoFiles } from "../stack/two-files.js";

const { cluster, app, workloads, signal, atTheEnd } = await createFixture("empty");

// What the other files of cases say never happens with keymount: this is what they would see.
test("driver 1.6.0 runs a pod with an empty volume when a provider answers UNAVAILABLE, and the watch sees it", async () => {
  const unavailable = Object.assign(new Error("not now"), { code: status.UNAVAILABLE });
  atTheEnd(await startOtherProvider(socketFolders.usual, "unavailable", () => unavailable));
  const secret = await twoFiles(cluster, app, { label: "unavailable" }, { provider: "unavailable" });

  const endWatch = secret.watch();
  const pod = await workloads.runPod({ volumes: secret.volumes }, signal);

  expect(await pod.texts(secret.volume)).toEqual({});
  expect(await endWatch()).toEqual({
    pods: 1,
    lacking: [expect.stringContaining(`pod ${pod.uid} runs without password, user`)],
  });
});

test("behind keymount, a pod whose Vault is unavailable waits, and starts with its files once it is there", async () => {
  const proxy = await startFaultyProxy(cluster.vault);
  atTheEnd(proxy.stop);
  atTheEnd(await installBefore(cluster, app.kube, "waiting", { proxy }, signal));
  const secret = await twoFiles(cluster, app, { label: "waiting" }, { provider: "waiting" });
  proxy.fault("cut");

  const endWatch = secret.watch();
  const name = await workloads.createPod({ volumes: secret.volumes });
  await eventually(() => expect(proxy.met(name)).toBeGreaterThan(0), signal);
  // The recipe needs three tries of the kubelet: after half a second, one, and two.
  await sleep(5_000, undefined, { signal });
  const [waiting] = await workloads.pods(name);
  expect(waiting?.status.phase).toBe("Pending");
  proxy.fault();
  const [pod] = await workloads.running(name, 1, signal);

  expect(await pod!.texts(secret.volume)).toEqual(secret.texts("1"));
  expect(await endWatch()).toEqual({ pods: 1, lacking: [] });
});
