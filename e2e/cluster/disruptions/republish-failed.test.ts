import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { nodePaths } from "../../stack/csi-driver.js";
import { eventually } from "../../stack/eventually.js";
import { interposeBefore } from "../stack/csi-interposer.js";
import { createFixture } from "../stack/fixture.js";

const { cluster, app, workloads, signal, atTheEnd } = await createFixture("republish-failed", "alone");
const interposer = await interposeBefore(nodePaths(cluster.nodeRoot).csiSocket);
atTheEnd(() => interposer.stop());

/** The kubelet's pauses after the first failures, seconds: exponentialbackoff, half a second and twice as long each time. */
const pauses = [0.5, 1, 2, 4];

// The kubelet removes what is not mounted (csi_mounter.go, removeMountDir; since Kubernetes 1.37 not after a republish): the
// driver's tmpfs stays, and with it the container's view of the volume.
test("a republish that a driver reports as failed is tried again with backoff, and the running pod goes on with its volume", async () => {
  const path = `${app.namespace}/db`;
  await app.vault.writeSecret(path, { password: "1" });
  const objects = [
    { objectName: "db", secretPath: `secret/data/${path}`, secretKey: "password", refreshInterval: "1s" },
  ];
  const secretProviderClass = await app.createClass({ objects });
  const pod = await workloads.runPod({ volumes: { secrets: { secretProviderClass } } }, signal);
  expect(await pod.texts("secrets")).toEqual({ db: "1" });

  interposer.fail(status.FAILED_PRECONDITION);
  await eventually(() => expect(interposer.failures.length).toBeGreaterThan(pauses.length), signal, 60_000);
  const seen = interposer.failures.map((at, n) => (at - (interposer.failures[n - 1] ?? at)) / 1_000).slice(1);
  console.log(`pauses between the tries, s: ${seen.map((pause) => pause.toFixed(1)).join(" ")}`);
  for (const [n, pause] of pauses.entries()) expect(seen[n]).toBeGreaterThanOrEqual(pause);
  const failed = await eventually(async () => {
    const events = (await workloads.events(pod.name)).filter((event) => event.startsWith("Warning FailedMount"));
    expect(events.join()).toContain("failed by the test");
    return events;
  }, signal);
  console.log(failed.join("\n"));
  expect(await pod.texts("secrets")).toEqual({ db: "1" });

  await app.vault.writeSecret(path, { password: "2" });
  interposer.fail();
  await eventually(async () => expect(await pod.texts("secrets")).toEqual({ db: "2" }), signal, 60_000);
});
