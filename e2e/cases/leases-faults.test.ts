import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { eventually } from "../stack/eventually.js";
import { loginObjects } from "../stack/engines.js";
import { createLeaseFixture } from "../stack/lease-fixture.js";
import { describeInFrontOfBoth } from "../stack/server.js";
import type { Volume } from "../stack/volume.js";

describeInFrontOfBoth(async (product, server) => {
  // A login is renewed after some twelve seconds, and replaced some thirty seconds after it was made.
  const fixture = await createLeaseFixture(`faults-${product.toLowerCase()}`, {
    server,
    ttl: "20s",
    maxTtl: "40s",
    tokenTtl: "20s",
    tokenMaxTtl: "24h",
  });
  const { app, node, signal, database, role, logins, held, users } = fixture;
  const { vault } = app;
  const timeoutMs = 120_000;

  let notes = 0;
  /** A volume with a database login and a KV secret of its own beside it. */
  async function volumeWithNote() {
    const path = `${app.namespace}/note-${(notes += 1)}`;
    await vault.writeSecret(path, { note: "old" });
    const note = { objectName: "note", secretPath: `secret/data/${path}`, secretKey: "note", refreshInterval: "1s" };
    const volume = await app.volume(node, { roleName: role, objects: [...loginObjects(database), note] });
    await volume.publish(signal);
    return { volume, path, user: await fixture.logIn(volume), note: async () => (await volume.texts())["note"] };
  }

  /** The volume's login works, and is another than before. */
  const newLogin = (volume: Volume, before: string) => async () => {
    const user = await fixture.logIn(volume);
    expect(user).not.toBe(before);
  };

  describe.concurrent("beside a login, a KV secret", () => {
    test.each<[string, (path: string) => Promise<unknown>]>([
      ["that loses its key", (path) => vault.writeSecret(path, { other: "x" })],
      ["that is deleted", (path) => vault.request("DELETE", `secret/data/${path}`)],
      ["whose metadata is gone, too", (path) => vault.request("DELETE", `secret/metadata/${path}`)],
    ])(
      "%s keeps its file, and does not keep the next login from arriving",
      async (_what, happens) => {
        const { volume, path, user, note } = await volumeWithNote();
        await happens(path);
        await volume.republishUntil(newLogin(volume, user), signal, timeoutMs);
        expect(await note()).toBe("old");
        await vault.writeSecret(path, { note: "new" });
        await volume.republishUntil(async () => expect(await note()).toBe("new"), signal, timeoutMs);
      },
      300_000,
    );
  });

  describe("the login", () => {
    test("revoked by prefix behind our back is replaced by a republish after that is noticed", async () => {
      const { volume, user } = await volumeWithNote();
      await vault.request("PUT", `sys/leases/revoke-prefix/${database}/creds/app`);
      await expect(fixture.logIn(volume)).rejects.toThrow();
      await volume.republishUntil(newLogin(volume, user), signal, timeoutMs);
    });

    test("whose token is revoked behind our back is replaced, with one new Vault login", async () => {
      const { volume, user } = await volumeWithNote();
      const { uid } = volume.pod;
      const [token] = (await held()).filter(
        ({ kind, pods }) => kind === "token" && pods.some((pod) => pod.uid === uid),
      );
      await vault.request("POST", "auth/token/revoke-accessor", { accessor: token!.tokenAccessor });
      await volume.republishUntil(newLogin(volume, user), signal, timeoutMs);
      const asked = (await server.asked(app.namespace)).filter(({ pod }) => pod?.endsWith(uid));
      expect(asked.filter(({ what }) => what === "login")).toHaveLength(2);
    });

    test("stays in its file while the database is down, a KV secret changes beside it meanwhile, and the next login follows", async () => {
      const { volume, path, user, note } = await volumeWithNote();
      await logins.down();
      try {
        await vault.writeSecret(path, { note: "new" });
        await volume.republishUntil(async () => expect(await note()).toBe("new"), signal, timeoutMs);
        // Past the end of the login: it cannot be re-issued, and the rest goes on.
        await sleep(45_000);
        await vault.writeSecret(path, { note: "newer" });
        await volume.republishUntil(async () => expect(await note()).toBe("newer"), signal, timeoutMs);
        expect((await volume.texts())["user"]).toBe(user);
      } finally {
        await logins.up();
      }
      await volume.republishUntil(newLogin(volume, user), signal, timeoutMs);
    }, 200_000);
  });

  test("when the pods are gone, nothing of them is left: no token, no lease, no user", async () => {
    const volumes = await app.kube.list({ apiVersion: "v1", kind: "Pod" }, app.namespace);
    for (const pod of volumes) await app.kube.delete({ ...pod, apiVersion: "v1", kind: "Pod" });
    await eventually(
      async () => {
        expect(await held()).toEqual([]);
        expect(await users()).toEqual([]);
      },
      signal,
      120_000,
    );
  }, 150_000);
});
