import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, inject, test } from "vitest";
import { loginObjects } from "../stack/engines.js";
import { eventually } from "../stack/eventually.js";
import { createLeaseFixture } from "../stack/lease-fixture.js";
import { type RaftNode, startVaultRaft } from "../stack/vault-raft.js";
import { enableKubernetesAuth } from "../stack/vault-kubernetes-auth.js";

const lifeMs = 45_000;
const shared = inject("stack");
const tornDown = new AbortController();
const directory = await mkdtemp(join(shared.directory, "raft-"));
const logs = join(shared.logs, "lease-failover");
const raft = await startVaultRaft({ binary: shared.binaries.vault, directory, logs, size: 3 }, tornDown.signal);
afterAll(async () => {
  tornDown.abort();
  await raft.stop();
});
const first = (await raft.leader()).api;
await first.request("POST", "sys/mounts/secret", { type: "kv", options: { version: "2" } });
await enableKubernetesAuth(first.access, shared.kubernetes);
const fixture = await createLeaseFixture("lease-failover", {
  ttl: `${lifeMs / 1000}s`,
  maxTtl: "24h",
  tokenTtl: `${lifeMs / 1000}s`,
  tokenMaxTtl: "24h",
  vault: { access: first.access, addresses: raft.nodes.map(({ address }) => address) },
});
const { app, node, signal, database, role, held, users } = fixture;

const volume = await app.volume(node, { roleName: role, objects: loginObjects(database) });
await volume.publish(signal);

const restart = async (nodes: readonly RaftNode[], how: "SIGKILL" | "SIGTERM") => {
  for (const each of nodes) await each.end(how);
  return async () => {
    for (const each of nodes) await each.start();
    for (const each of nodes) await each.unseal();
  };
};

const faults: [string, () => Promise<() => Promise<void>>][] = [
  ["its leader is killed", async () => restart([await raft.leader()], "SIGKILL")],
  ["its leader is stopped as an update does it", async () => restart([await raft.leader()], "SIGTERM")],
  ["all of it is restarted", () => restart(raft.nodes, "SIGTERM")],
  [
    "all of it is sealed",
    async () => {
      for (const each of raft.nodes) await each.seal().catch(() => undefined); // Without a leader the request fails.
      return async () => {
        for (const each of raft.nodes) await each.unseal();
      };
    },
  ],
];

test.each(faults)(
  "when Vault comes back after %s, renewals go on: the same token, the same user, its file never another",
  async (_what, breaks) => {
    await untilFresh();
    const before = { user: await fixture.logIn(volume), users: await users(), tokens: await tokens() };
    const heal = await breaks();
    await volume.publish(signal);
    expect(await fixture.logIn(volume)).toBe(before.user);
    await heal();
    await raft.leader();
    // Longer than the lifetime of a lease that is not renewed.
    for (let passedMs = 0; passedMs < lifeMs + 5_000; passedMs += 1_000) {
      await sleep(1_000);
      await volume.publish(signal);
      expect(await fixture.logIn(volume)).toBe(before.user);
    }
    await eventually(
      async () => expect({ ...before, users: await users(), tokens: await tokens() }).toEqual(before),
      signal,
    );
  },
  300_000,
);

/** Vault ends during an outage what would have ended without one, so that none begins shortly before a renewal. */
async function untilFresh(): Promise<void> {
  await eventually(
    async () => {
      await volume.publish(signal);
      const ends = (await held()).map(({ endsAt = Infinity }) => endsAt - Date.now());
      expect(Math.min(...ends)).toBeGreaterThan(0.6 * lifeMs);
    },
    signal,
    120_000,
  );
}

async function tokens(): Promise<(string | undefined)[]> {
  return (await held()).filter(({ kind }) => kind === "token").map(({ tokenAccessor }) => tokenAccessor);
}
