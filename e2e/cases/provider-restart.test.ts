import { describe, expect, test } from "vitest";
import { MountFailed } from "../stack/csi-client.js";
import { driverVersions } from "../stack/csi-driver.js";
import { setScene } from "../stack/scene.js";

describe.each(driverVersions)("driver %s", async (driver) => {
  const { node, app, signal } = await setScene("restart", { driver });
  await app.vault.writeSecret(`${app.namespace}/db`, { password: "hunter2" });
  const object = { objectName: "password", secretPath: `secret/data/${app.namespace}/db`, secretKey: "password" };
  const className = await app.createClass({ objects: [object] });
  const newVolume = () => app.podVolume(node, className);

  test("mounts that were in flight when the provider was killed get their files from the next one", async () => {
    const before = await newVolume();
    await before.publish(signal);
    const volumes = await Promise.all(Array.from({ length: 20 }, newVolume));

    const mounted = volumes.map((volume) => volume.publishUntilMounted(signal));
    await node.provider().crash();
    await node.provider().start();
    await Promise.all(mounted);

    for (const volume of [before, ...volumes]) expect(await volume.texts()).toEqual({ password: "hunter2" });
  });

  test("in an update, what the old provider has open is answered, and what comes in between waits for the new one", async () => {
    const volumes = await Promise.all(Array.from({ length: 10 }, newVolume));
    const between = await newVolume();
    const outcomes = volumes.map((volume) =>
      volume.publish(signal).then(
        () => undefined,
        (reason: unknown) => reason,
      ),
    );

    await node.provider().stop();
    const waiting = between.publish(signal);
    await node.provider().start();
    await waiting;

    expect(await between.texts()).toEqual({ password: "hunter2" });
    for (const reason of await Promise.all(outcomes)) expect(reason).toSatisfy(isMountedOrFinallyRefused);
  });
});

const isMountedOrFinallyRefused = (reason: unknown) =>
  reason === undefined || (reason instanceof MountFailed && reason.final);
