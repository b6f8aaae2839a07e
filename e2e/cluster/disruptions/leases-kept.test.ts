import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { loginObjects } from "../../stack/engines.js";
import { eventually } from "../../stack/eventually.js";
import { DaemonSet } from "../stack/daemon-set.js";
import type { RunningPod } from "../stack/running-pod.js";
import { installInstance, keymountNamespace, sharedInstance, sharedOptions } from "../stack/keymount.js";
import { createLeaseFixture } from "../stack/lease-fixture.js";

const lives = { ttl: "1h", maxTtl: "24h" };
const fixture = await createLeaseFixture("kept", "alone", lives);
const { cluster, app, workloads, services, signal, atTheEnd, database, role, users, logins, logIn } = fixture;
atTheEnd(() => services.start("kube-apiserver"));
atTheEnd(() => installInstance(cluster, sharedOptions(cluster), new AbortController().signal));

const pods = 40;
const path = `${app.namespace}/note`;
const note = {
  objectName: "note",
  secretPath: `secret/data/${path}`,
  secretKey: "note",
  refreshInterval: "1s",
};
let notes = 0;
/** Each of `count` pods has been served again: a note that is changed now has reached all of them. */
async function untilServed(deployment: string, count: number): Promise<void> {
  notes += 1;
  await app.vault.writeSecret(path, { note: String(notes) });
  const running = await workloads.running(deployment, count, signal, 180_000);
  for (const pod of running) {
    await eventually(async () => expect((await pod.texts("secrets"))["note"]).toBe(String(notes)), signal, 120_000);
  }
}

describe(`${pods} pods that hold database logins`, async () => {
  await app.vault.writeSecret(path, { note: "0" });
  const objects = [...loginObjects(database), note];
  const secretProviderClass = await app.createClass({ roleName: role, objects });
  const deployment = await workloads.createDeployment({ volumes: { secrets: { secretProviderClass } } }, pods);
  const daemonSet = new DaemonSet(app.kube, keymountNamespace, sharedInstance);
  await workloads.running(deployment, pods, signal, 180_000);

  test("keep them over an upgrade by the chart: no new login, no new user", async () => {
    const before = { users: await users(), logins: await logins() };
    expect(before.users).toHaveLength(pods);
    await installInstance(
      cluster,
      { ...sharedOptions(cluster), values: { podAnnotations: { version: "next" } } },
      signal,
    );
    await untilServed(deployment, pods);
    expect({ users: await users(), logins: await logins() }).toEqual(before);
    const [one] = await workloads.running(deployment, pods, signal);
    expect(before.users).toContain(await logIn(one!));
  }, 400_000);

  test("that go while keymount is away lose theirs when it is back, and the others keep theirs", async () => {
    let left: RunningPod[] = [];
    try {
      await daemonSet.pause(signal);
      await workloads.scale(deployment, pods - 10);
      // The kubelet would end them only when the driver, which waits for the provider, has given up on their volumes.
      await eventually(async () => {
        const going = (await workloads.pods(deployment)).filter(({ metadata }) => metadata.deletionTimestamp);
        for (const pod of going) await app.kube.delete({ ...pod, apiVersion: "v1", kind: "Pod" });
        left = await workloads.running(deployment, pods - 10, signal, 1_000);
      }, signal);
      expect(await users()).toHaveLength(pods);
    } finally {
      await daemonSet.resume(signal);
    }
    await eventually(async () => expect(await users()).toHaveLength(pods - 10), signal, 120_000);
    const still = new Set(await users());
    for (const pod of left) expect(still).toContain(await logIn(pod));
  }, 400_000);

  test("keep them while the API server is down: an error never means absence", async () => {
    const before = { users: await users(), logins: await logins() };
    await services.crash("kube-apiserver");
    // Longer than keymount waits before it believes an absence.
    await sleep(75_000, undefined, { signal });
    expect(await users()).toEqual(before.users);
    await services.start("kube-apiserver");
    await untilServed(deployment, pods - 10);
    expect({ users: await users(), logins: await logins() }).toEqual(before);
  }, 400_000);
});
