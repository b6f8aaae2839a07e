import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { eventually } from "../stack/eventually.js";
import { createFixture } from "../stack/fixture.js";

const { node, app, signal } = await createFixture("rotation-default", {
  driver: "1.6.0",
  rotationPollInterval: "30s",
});

// The driver's own suite waits as long for a provider (vault.bats, "rotation succeeds"), with a driver of that interval.
test("with the default settings, and a driver that looks every 30 s, a new value is in the file within 120 s", async () => {
  const path = `${app.namespace}/usual`;
  await app.vault.writeSecret(path, { password: "1" });
  const volume = await app.volume(node, {
    objects: [{ objectName: "usual", secretPath: `secret/data/${path}`, secretKey: "password" }],
  });
  await volume.publish(signal);
  expect(await volume.texts()).toEqual({ usual: "1" });

  await app.vault.writeSecret(path, { password: "2" });
  const started = performance.now();
  await eventually(
    async () => {
      await volume.publish(signal);
      if ((await volume.texts())["usual"] === "2") return;
      // As often as a kubelet whose syncFrequency is 10 s.
      await sleep(12_000, undefined, { signal });
      throw new Error("the file has the old value");
    },
    signal,
    120_000,
  );
  console.log(`with the default settings it took ${((performance.now() - started) / 1000).toFixed(1)} s`);
}, 150_000);
