import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { loginObjects } from "../stack/engines.js";
import { eventually } from "../stack/eventually.js";
import type { KubeObject } from "../stack/kube-api.js";
import { createLeaseFixture } from "../stack/lease-fixture.js";
import { describeInFrontOfBoth } from "../stack/server.js";

interface KubeEvent extends KubeObject {
  type: string;
  reason: string;
  message: string;
  involvedObject: { uid: string };
}

describeInFrontOfBoth(async (product, server) => {
  // Renewed once, and cut short then: its end is known half a minute before it comes, whenever the renewal falls.
  const fixture = await createLeaseFixture(`once-${product.toLowerCase()}`, {
    server,
    ttl: "60s",
    maxTtl: "90s",
    rotation: false,
  });
  const { app, node, signal, database, role, users, logIn } = fixture;

  test("with rotation off, what was mounted once is renewed as long as it can be; its end is announced before it comes", async () => {
    const began = performance.now();
    const volume = await app.volume(node, { roleName: role, objects: loginObjects(database) });
    await volume.publish(signal);
    const user = await logIn(volume);

    await eventually(
      async () => {
        await volume.publish(signal); // The driver sends no Mount.
        await sleep(1_000);
        expect(await logIn(volume), "the login lives as long as it can").toBe(user);
        expect(await announced(volume.pod.uid)).toHaveLength(1);
      },
      signal,
      88_000,
    );

    expect(performance.now() - began, "past what it was granted first").toBeGreaterThan(60_000);
    const [event] = await announced(volume.pod.uid);
    expect(event).toMatchObject({ type: "Warning", source: { component: "keymount" } });
    expect(event!.message).toContain(`${database}/creds/app`);
    const metrics = await (await fetch(`${node.provider().health}/metrics`)).text();
    expect(metrics).toMatch(/^keymount_credentials_ending\{.*engine="database".*\} 1$/m);
    expect(await readFile(node.provider().log, "utf8")).toContain(
      "a credential ends soon, and no Mount has come to replace it",
    );
    await eventually(async () => expect(await users()).toEqual([]), signal);
  }, 180_000);

  async function announced(uid: string): Promise<KubeEvent[]> {
    const events = await app.kube.list<KubeEvent>({ apiVersion: "v1", kind: "Event" }, app.namespace);
    return events.filter(({ involvedObject, reason }) => involvedObject.uid === uid && reason === "SecretsEnding");
  }
});
