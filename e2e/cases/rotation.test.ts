import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { auditedRequests } from "../stack/audit-log.js";
import { driverVersions } from "../stack/csi-driver.js";
import { eventually } from "../stack/eventually.js";
import { createFixture } from "../stack/fixture.js";

/** A refreshInterval of 1s, with its tenth more and something for the way. */
const longestSecond = 1_300;

describe.each(driverVersions)("driver %s", async (driver) => {
  const { stack, node, app, signal } = await createFixture("rotation", { driver, rotationPollInterval: "1s" });
  const secret = (name: string, refreshInterval: string) => ({
    objectName: name,
    secretPath: `secret/data/${app.namespace}/${name}`,
    secretKey: "password",
    refreshInterval,
  });
  const reads = async (name: string) =>
    (await auditedRequests(stack.vault.auditLog, app.namespace)).filter(({ what }) => what.endsWith(`/${name}`)).length;

  test("a changed secret arrives with the driver's next Mount, with a new version; its neighbour keeps its own", async () => {
    for (const name of ["changing", "neighbour"]) {
      await app.vault.writeSecret(`${app.namespace}/${name}`, { password: "1" });
    }
    const volume = await app.volume(node, { objects: [secret("changing", "1s"), secret("neighbour", "1s")] });
    await volume.publish(signal);
    const before = await volume.versions();
    await sleep(longestSecond, undefined, { signal });

    await app.vault.writeSecret(`${app.namespace}/changing`, { password: "2" });
    const mountsBefore = await node.provider().mounts();
    let mountsInVain = 0;
    await eventually(async () => {
      await volume.publish(signal);
      const mounts = await node.provider().mounts();
      const texts = await volume.texts();
      if (texts["changing"] !== "2") mountsInVain = mounts - mountsBefore;
      expect(texts).toEqual({ changing: "2", neighbour: "1" });
    }, signal);

    // 1.5.6 mounts on its own clock: one Mount may have begun before the write, another be answered and not yet written.
    expect(mountsInVain).toBeLessThanOrEqual(driver === "1.6.0" ? 0 : 2);
    await eventually(async () => expect((await volume.versions())["changing"]).not.toBe(before["changing"]), signal);
    expect((await volume.versions())["neighbour"]).toBe(before["neighbour"]);
  });

  test("a template's file follows the metadata that it uses, as it follows the keys", async () => {
    const path = `${app.namespace}/described`;
    const describe = (owner: string) =>
      app.vault.request("POST", `secret/metadata/${path}`, { custom_metadata: { owner } });
    await app.vault.writeSecret(path, { password: "1" });
    await describe("shop");
    const { secretKey: _, ...object } = secret("described", "1s");
    const template = "{{ meta.version }} {{ meta.custom_metadata.owner }} {{ db.meta.version }} {{ db.password }}";
    const sources = { db: { secretPath: object.secretPath } };
    const volume = await app.volume(node, { objects: [{ ...object, template, sources }] });
    await volume.publish(signal);
    expect(await volume.texts()).toEqual({ described: "1 shop 1 1" });
    const before = await volume.versions();

    await describe("web");
    await app.vault.writeSecret(path, { password: "1" });
    await eventually(async () => {
      await volume.publish(signal);
      expect(await volume.texts()).toEqual({ described: "2 web 2 1" });
      expect((await volume.versions())["described"]).not.toBe(before["described"]);
    }, signal);
  });

  test("a secret written again with the same value keeps its version and its file", async () => {
    await app.vault.writeSecret(`${app.namespace}/same`, { password: "1" });
    const volume = await app.volume(node, { objects: [secret("same", "1s")] });
    await volume.publish(signal);
    const before = await volume.versions();

    await app.vault.writeSecret(`${app.namespace}/same`, { password: "1" });
    const readsBefore = await reads("same");
    await eventually(async () => {
      await volume.publish(signal);
      expect(await reads("same")).toBeGreaterThan(readsBefore);
    }, signal);

    expect(await volume.versions()).toEqual(before);
    expect(await volume.texts()).toEqual({ same: "1" });
  });
});
