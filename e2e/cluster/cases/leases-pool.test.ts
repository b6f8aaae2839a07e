import { get } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { loginObjects } from "../../stack/engines.js";
import { eventually } from "../../stack/eventually.js";
import { addresses } from "../stack/addresses.js";
import { createLeaseFixture } from "../stack/lease-fixture.js";
import { nodeProgram } from "../stack/node-program.js";

/**
 * Lives of 15 minutes, compressed by as much as the kubelet's rhythm is: it asks every 10 to 15 s here and not every 60 to
 * 90 s, and the driver lets one in 10 s pass and not one in two minutes.
 */
const lifetimes = { ttl: "80s", maxTtl: "120s" };
const { app, workloads, signal, database, role, users, logins } = await createLeaseFixture("pool", "together", {
  ...lifetimes,
  ip: addresses.node,
});

test("a pool of connections goes through renewals and replacements of its login, and no query fails; nothing that Reloader watches changes", async () => {
  const secretProviderClass = await app.createClass({
    roleName: role,
    objects: loginObjects(database),
    rolloutOnChange: "false",
  });
  const program = await nodeProgram(app, "pool", "/mnt/secrets", addresses.node);
  const pod = await workloads.runPod({ volumes: { secrets: { secretProviderClass } }, program }, signal);
  const status = () => app.kube.get(workloads.podStatus(pod.name, secretProviderClass));
  const before = await status();
  let most = 0;
  const seen = () => ask(`http://${pod.ip}:8080`);
  await eventually(
    async () => {
      most = Math.max(most, (await users()).length);
      const { failures, identities } = await seen();
      expect(failures.join("\n")).toBe("");
      expect(identities.length).toBeGreaterThanOrEqual(4);
    },
    signal,
    7 * 60_000,
  );
  // The last connections of the replaced pool are closed, too.
  await sleep(9_000);
  const { queries, failures, identities } = await seen();
  console.log(
    `${queries} queries as ${identities.length} users, replaced ${lives(identities).join(", ")} s after they were created`,
  );
  expect(failures.join("\n")).toBe("");
  expect(queries).toBeGreaterThan(2_000);
  expect(most).toBeLessThanOrEqual(2);
  expect(await logins()).toBe(1);
  expect(await status()).toEqual(before);
}, 600_000);

/** From each user's creation to the next one's, in seconds: Vault ends a user's name with the time of its creation. */
function lives(users: readonly string[]): number[] {
  const createdAt = users.map((user) => Number(user.split("-").at(-1)));
  return createdAt.slice(1).map((at, index) => at - createdAt[index]!);
}

interface Seen {
  queries: number;
  failures: string[];
  identities: string[];
}

async function ask(url: string): Promise<Seen> {
  const answer = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
    get(url, { agent: false }, resolve).on("error", reject);
  });
  return JSON.parse(await text(answer)) as Seen;
}
