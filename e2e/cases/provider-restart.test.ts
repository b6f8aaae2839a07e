import { describe, expect, test } from "vitest";
import { MountFailed } from "../stack/csi-client.js";
import { driverVersions } from "../stack/csi-driver.js";
import { eventually } from "../stack/eventually.js";
import { createFixture } from "../stack/fixture.js";
import type { Volume } from "../stack/volume.js";

describe.each(driverVersions)("driver %s", async (driver) => {
  const { node, app, signal } = await createFixture("restart", { driver, rotationPollInterval: "1s" });
  await app.vault.writeSecret(`${app.namespace}/db`, { password: "hunter2" });
  const object = { objectName: "password", secretPath: `secret/data/${app.namespace}/db`, secretKey: "password" };
  const className = await app.createClass({ objects: [object] });
  const newVolume = () => app.podVolume(node, className);

  /**
   * The driver asks again for what was in flight, but not where an answer had begun to arrive: that call fails with
   * UNAVAILABLE, and 1.6.0 leaves the volume empty until its rotation-poll-interval has passed.
   */
  async function gotFiles(volume: Volume): Promise<void> {
    await eventually(async () => {
      await volume.publish(signal);
      expect(await volume.texts()).toEqual({ password: "hunter2" });
    }, signal);
  }

  test("mounts that were in flight when the provider was killed get their files from the next one", async () => {
    const before = await newVolume();
    await before.publish(signal);
    const volumes = await Promise.all(Array.from({ length: 50 }, newVolume));

    let mounted = 0;
    const mounts = volumes.map((volume) => gotFiles(volume).then(() => ++mounted));
    await Promise.race(mounts);
    await node.provider().crash();
    expect(mounted).toBeLessThan(volumes.length);
    await node.provider().start();
    await Promise.all(mounts);

    expect(await before.texts()).toEqual({ password: "hunter2" });
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
