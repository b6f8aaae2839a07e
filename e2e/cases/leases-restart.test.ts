import { describe, expect, test } from "vitest";
import { eventually } from "../stack/eventually.js";
import { loginObjects } from "../stack/engines.js";
import { createLeaseFixture } from "../stack/lease-fixture.js";
import { describeInFrontOfBoth } from "../stack/server.js";

const pods = 40;

describeInFrontOfBoth(async (product, server) => {
  const fixture = await createLeaseFixture(`restart-${product.toLowerCase()}`, { server, ttl: "1h", maxTtl: "24h" });
  const { app, node, signal, database, role, held, users } = fixture;

  const className = await app.createClass({ roleName: role, objects: loginObjects(database) });
  const volumes = await Promise.all(Array.from({ length: pods }, () => app.podVolume(node, className)));
  const logins = async () => (await server.asked(app.namespace)).filter(({ what }) => what === "login").length;

  /** A republish of every volume; each must succeed. */
  const republish = async () => {
    for (const volume of volumes) await eventually(() => volume.publish(signal), signal);
  };
  const texts = () => Promise.all(volumes.map((volume) => volume.texts()));

  describe("a provider with 40 pods that hold database logins", () => {
    test.each<[string, () => Promise<void>]>([
      ["killed", () => node.provider().crash()],
      ["stopped as an update does it", () => node.provider().stop()],
    ])("%s and restarted makes no login and no user, and the files stay as they are", async (_how, end) => {
      await republish();
      const before = { texts: await texts(), logins: await logins(), users: await users() };
      expect(before.users).toHaveLength(pods);
      await end();
      await node.provider().start();
      await republish();
      expect({ texts: await texts(), logins: await logins(), users: await users() }).toEqual(before);
      const tokens = (await held()).filter(({ kind }) => kind === "token");
      expect(tokens).toHaveLength(pods);
    });

    test("that were deleted while it was away: what they held is revoked when it is back, and only that", async () => {
      await node.provider().crash();
      const [gone, kept] = [volumes.slice(0, 10), volumes.slice(10)];
      for (const volume of gone) await volume.kubelet.deletePod(volume.pod);
      await node.provider().start();
      await eventually(async () => expect(await users()).toHaveLength(pods - 10), signal, 120_000);
      for (const volume of kept) await volume.publish(signal);
      await Promise.all(kept.map((volume) => fixture.logIn(volume)));
      await expect(fixture.logIn(gone[0]!)).rejects.toThrow();
      const left = (await held()).flatMap((credential) => credential.pods.map(({ uid }) => uid));
      expect(new Set(left)).toEqual(new Set(kept.map(({ pod }) => pod.uid)));
    }, 150_000);
  });
});
