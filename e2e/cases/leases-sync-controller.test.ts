import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { enableDatabaseEngine } from "../stack/postgres.js";
import { eventually } from "../stack/eventually.js";
import { loginObjects } from "../stack/engines.js";
import { createLeaseFixture } from "../stack/lease-fixture.js";
import { describeInFrontOfBoth } from "../stack/server.js";
import { syncMount } from "../stack/sync-controller.js";

/** Seconds: the controller's `--rotation-poll-interval`. A lease must live 2.2 times as long. */
const interval = 8;
describeInFrontOfBoth(async (product, server) => {
  const fixture = await createLeaseFixture(`sync-${product.toLowerCase()}`, {
    server,
    ttl: "20s",
    maxTtl: "50s",
    tokenTtl: "25s",
    settings: { syncPollInterval: `${interval}s`, podWatch: false, events: false },
  });
  const { app, node, signal, database, role, logins, users, held } = fixture;
  const pod = { name: "secrets-store-sync-controller-0", uid: randomUUID() };

  /** What the controller would write into the Secret. */
  async function mount(creds = database): Promise<Record<string, string>> {
    const { namespace, serviceAccount } = app;
    const parameters = { roleName: role, objects: stringify(loginObjects(creds)) };
    const { files } = await syncMount(node.provider().socket, app.kube, { pod, namespace, serviceAccount, parameters });
    return Object.fromEntries(files.map(({ path, contents }) => [path, Buffer.from(contents).toString()]));
  }

  const logIn = ({ user, password }: Record<string, string>) => logins.logIn(user!, password!);

  /** An interval of the controller: those who use the Secret log in all the time. */
  async function untilNextMount(secret: Record<string, string>): Promise<void> {
    for (let seconds = 0; seconds < interval; seconds += 1) {
      expect(await logIn(secret)).toBe(secret["user"]);
      await sleep(1_000);
    }
  }

  describe("a database login that the sync controller writes into a Secret", () => {
    test("is renewed between the Mounts, replaced before its max TTL, and kept over a restart; no login ever fails", async () => {
      const given: string[] = [];
      for (let mounts = 0; mounts < 8; mounts += 1) {
        const secret = await mount();
        given.push(secret["user"]!);
        if (mounts === 1) {
          await node.provider().crash();
          await node.provider().start();
        }
        await untilNextMount(secret);
      }
      // Four Mounts are 32 s, which a lease of 20 s outlives by renewals only; 64 s are more than the max TTL.
      expect(new Set(given.slice(0, 4)).size).toBe(1);
      expect(new Set(given).size).toBe(2);
    }, 180_000);

    test("is revoked, with its token, after two Mounts that did not come", async () => {
      const { user } = await mount();
      // One has not come; silence is over after 2.2 intervals.
      await sleep(interval * 1.5 * 1_000);
      expect(await users()).toContain(user);
      await eventually(async () => expect(await users()).toEqual([]), signal, 120_000);
      await eventually(async () => expect(await held()).toEqual([]), signal);
    }, 180_000);

    test("is refused where it could end between two Mounts, and nothing is left of it", async () => {
      const short = `${database}-short`;
      await enableDatabaseEngine(app.vault, logins, { name: "app", ttl: "15s", maxTtl: "15s" }, short);
      const rules = [database, short].map((mounted) => `path "${mounted}/*" { capabilities = ["read"] }`);
      await app.vault.writePolicy(role, rules.join("\n"));
      await expect(mount(short)).rejects.toThrow(
        `${short}/creds/app makes a credential that lives 15s, and might end between two Mounts of the sync controller`,
      );
      await eventually(async () => expect(await users()).toEqual([]), signal, 10_000);
    });
  });
});
