import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, inject, test } from "vitest";
import { auditedRequests } from "../stack/audit-log.js";
import { loginObjects } from "../stack/engines.js";
import { createLeaseFixture } from "../stack/lease-fixture.js";
import type { Volume } from "../stack/volume.js";
import { type Fault, erring } from "../tenants/fault.js";
import { startFaultProxy } from "../tenants/start-fault-proxy.js";

const { vault: shared } = inject("stack");
const proxy = await startFaultProxy(shared.address);
afterAll(() => proxy.stop());
const fixture = await createLeaseFixture("lease-bao", {
  ttl: "60s",
  maxTtl: "24h",
  tokenTtl: "20s",
  tokenMaxTtl: "24h",
  vault: { access: shared, addresses: [proxy.address] },
});
const { app, node, signal, database, role } = fixture;

/** Mounts each second, and logs in to the database with what the files say each time. Returns the users, in order. */
async function usersFor(seconds: number, volume: Volume): Promise<string[]> {
  const users = new Set<string>();
  for (const end = performance.now() + seconds * 1_000; performance.now() < end; ) {
    await volume.publish(signal);
    users.add(await fixture.logIn(volume));
    await sleep(1_000);
  }
  return [...users];
}

/** What OpenBao answers, before the real Vault: 2.6.2 as recorded, and a renewal of 2.6.4 as its auth method's error arrives. */
test.each<[string, Fault]>([
  [
    "a token that is renewed no further, for its service account token has ended",
    {
      path: "auth/token/renew-self",
      how: erring(403, "1 error occurred:\n\t* failed to renew entry: permission denied\n\n"),
    },
  ],
  ["a dead token, told with a bare 403", { path: "auth/token/renew-self", how: erring(403, "permission denied") }],
])(
  "%s is replaced with its leases, and no login to the database fails",
  async (_what, fault) => {
    const volume = await app.volume(node, { roleName: role, objects: loginObjects(database) });
    await proxy.plan(app.namespace, []);
    // The first renewal is granted.
    const [first, ...none] = await usersFor(16, volume);
    expect(none).toEqual([]);
    await proxy.plan(app.namespace, [fault]);
    const later = await usersFor(20, volume);
    expect(later).toEqual([first, expect.any(String)]);
    const asked = await auditedRequests(shared.auditLog, app.namespace);
    const ofPod = asked.filter(({ pod }) => pod?.endsWith(volume.pod.uid)).map(({ what }) => what);
    expect(ofPod.filter((what) => what === "login")).toHaveLength(2);
    expect(ofPod.filter((what) => what.includes("renew-self"))).toHaveLength(1);
    expect(ofPod.filter((what) => what.includes("lookup-self"))).toEqual([]);
  },
  90_000,
);
