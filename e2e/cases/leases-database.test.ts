import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { eventually } from "../stack/eventually.js";
import { loginObjects } from "../stack/engines.js";
import { createLeaseFixture } from "../stack/lease-fixture.js";
import { describeInFrontOfBoth } from "../stack/server.js";
import type { Volume } from "../stack/volume.js";

/** How long the pods live; `npm run soak` lets them live longer. In front of OpenBao, for one replacement. */
const lives = { Vault: Number(process.env["KEYMOUNT_E2E_SHORT_LIVES_SECONDS"] ?? 240), OpenBao: 130 };
const pods = 3;

describeInFrontOfBoth(async (product, server) => {
  const seconds = lives[product];
  const fixture = await createLeaseFixture(`lives-${product.toLowerCase()}`, {
    server,
    ttl: "30s",
    maxTtl: "2m",
    tokenTtl: "1m",
    tokenMaxTtl: "3m",
  });
  const { app, node, signal, database, role, users, logIn, held } = fixture;
  const className = await app.createClass({
    roleName: role,
    objects: loginObjects(database),
    rolloutOnChange: "false",
  });

  /** Republishes every 5 s, as a kubelet with a short sync period would, until then. */
  async function republish(volume: Volume, until: number): Promise<void> {
    while (performance.now() < until) {
      await volume.publish(signal);
      await sleep(5_000);
    }
  }

  /** An application that opens connections all the time, each with what its files say. Gives who it has been. */
  async function query(volume: Volume, until: number): Promise<{ queries: number; identities: Set<string> }> {
    const identities = new Set<string>();
    let queries = 0;
    for (; performance.now() < until; queries += 1) {
      identities.add(await logIn(volume));
      await sleep(200);
    }
    return { queries, identities };
  }

  test(
    `pods with logins of two minutes, renewed every twenty seconds and replaced: not one query fails in ${seconds} s`,
    async () => {
      const volumes = await Promise.all(Array.from({ length: pods }, () => app.podVolume(node, className)));
      for (const volume of volumes) await volume.publish(signal);
      const statuses = () =>
        Promise.all(volumes.map(({ kubelet, pod, name }) => app.kube.get(kubelet.podStatus(pod, name))));
      const before = await statuses();
      const end = performance.now() + seconds * 1000;
      let mostUsers = 0;
      const count = async () => {
        while (performance.now() < end) {
          mostUsers = Math.max(mostUsers, (await users()).length);
          await sleep(1_000);
        }
      };

      const [outcomes] = await Promise.all([
        Promise.all(volumes.map((volume) => query(volume, end))),
        count(),
        ...volumes.map((volume) => republish(volume, end)),
      ]);

      for (const { queries, identities } of outcomes) {
        expect(queries).toBeGreaterThan(seconds);
        // A login lives for two minutes, and is replaced before that.
        expect(identities.size).toBeGreaterThanOrEqual(Math.floor(seconds / 120));
        expect(identities.size).toBeLessThanOrEqual(Math.ceil(seconds / 60) + 1);
      }
      expect(mostUsers).toBeLessThanOrEqual(2 * pods);
      expect(await statuses(), "what Reloader watches").toEqual(before);
      const logins = (await server.asked(app.namespace)).filter(({ what }) => what === "login");
      // A token lives for three minutes.
      expect(logins.length).toBeLessThanOrEqual(pods * (Math.ceil(seconds / 90) + 1));

      for (const volume of volumes) {
        await volume.unpublish();
        await volume.kubelet.deletePod(volume.pod);
      }
      await eventually(async () => expect(await users()).toEqual([]), signal, 120_000);
      // A login may end by itself a moment before keymount knows that its pod is gone.
      await eventually(async () => expect(await held()).toEqual([]), signal);
    },
    (seconds + 240) * 1000,
  );
});
