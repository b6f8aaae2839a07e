import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { imageFlags } from "../../dev/testing/image.js";
import type { CredentialInfo } from "../../src/shared/credential-info.js";
import { auditedRequests } from "../stack/audit-log.js";
import { loginObjects } from "../stack/engines.js";
import { eventually } from "../stack/eventually.js";
import { createLeaseFixture } from "../stack/lease-fixture.js";
import { enableKubernetesAuth } from "../stack/vault-kubernetes-auth.js";
import { startVaultRaft } from "../stack/vault-raft.js";
import { faults } from "./faults.js";
import { PodFleet } from "./pod-fleet.js";
import { plan } from "./plan.js";
import { type ProcessSample, sampleProcess } from "./process-watch.js";

const { minutes, pods, roles } = plan(process.env);
/** The faults leave the last third of the time in peace, where nothing may grow any more. */
const stormyMs = (minutes * 60_000 * 2) / 3;
/** So long after a fault a login may be one that does not work. */
const recoveryMs = 90_000;

const shared = inject("stack");
const tornDown = new AbortController();
const directory = await mkdtemp(join(shared.directory, "soak-"));
const logs = join(shared.logs, "soak");
const raft = await startVaultRaft({ binary: shared.binaries.vault, directory, logs, size: 1 }, tornDown.signal);
afterAll(async () => {
  tornDown.abort();
  await raft.stop();
});
const auditLog = join(logs, "audit.log");
const { api } = raft.nodes[0]!;
await api.request("POST", "sys/mounts/secret", { type: "kv", options: { version: "2" } });
await api.request("PUT", "sys/audit/file", { type: "file", options: { file_path: auditLog } });
await enableKubernetesAuth(api.access, shared.kubernetes);
const fixture = await createLeaseFixture("soak", {
  ttl: "1h",
  maxTtl: "1h",
  vault: { access: api.access, addresses: [raft.nodes[0]!.address] },
  nodeFlags: imageFlags,
});
const { app, node, signal, database, role: policy, held, users, logIn } = fixture;

const began = performance.now();
const elapsed = () => performance.now() - began;
const samples: ProcessSample[] = [];
const bad: string[] = [];
let checks = 0;
let troubleUntil = 0;
let fleet: PodFleet;

/** Until the signal aborts, every so often. */
async function every(ms: number, until: AbortSignal, act: () => Promise<unknown>): Promise<void> {
  while (!until.aborted) {
    await act();
    await sleep(ms, undefined, { signal: until }).catch(() => undefined);
  }
}

/** A volume's files hold a login that works. If it fails, the files are read again, for they may have changed. */
async function check(): Promise<void> {
  const volume = fleet.anyMounted(Math.random());
  if (!volume) return;
  checks += 1;
  const tried = () => logIn(volume).then(() => undefined, String);
  const calm = () => elapsed() > troubleUntil;
  if (!calm() || !(await tried())) return;
  const error = await tried();
  const stillThere = fleet.anyMounted(0) !== undefined && (await volume.texts())["user"] !== undefined;
  if (error && stillThere && calm()) bad.push(`${Math.round(elapsed() / 1000)} s: ${error.split("\n")[0]}`);
}

beforeAll(async () => {
  const classes = await Promise.all(
    roles.map(async ({ name, ttl, maxTtl, tokenTtl, tokenMaxTtl }) => {
      await api.request("POST", `${database}/roles/${name}`, {
        db_name: "postgres",
        creation_statements: [`CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'`],
        default_ttl: `${ttl}s`,
        max_ttl: `${maxTtl}s`,
      });
      const roleName = `${app.namespace}-${name}`;
      const { namespace, serviceAccount } = app;
      await app.vault.writeRole(roleName, {
        namespaces: [namespace],
        serviceAccounts: [serviceAccount],
        policies: [policy],
        audience: "vault",
        ttl: `${tokenTtl}s`,
        maxTtl: `${tokenMaxTtl}s`,
      });
      return app.createClass({ roleName, objects: loginObjects(database, name) });
    }),
  );
  fleet = new PodFleet({
    create: (role) => app.podVolume(node, classes[role]!),
    republishMs: (role) => roles[role]!.republish * 1000,
  });
});

describe(`${pods} pods on ${roles.length} roles for ${minutes} minutes`, () => {
  test(
    "every login works, but for a while after something went wrong",
    async () => {
      for (let number = 0; number < pods; number += 1) await fleet.add(number % roles.length);
      await eventually(async () => expect(await users()).toHaveLength(pods), signal, Math.max(240_000, pods * 800));
      const all = new AbortController();
      const work = [
        every(1_000, all.signal, check),
        every(10_000, all.signal, async () => {
          const sample = sampleProcess(node.provider().pid(), elapsed() / 1000);
          if (sample) samples.push(sample);
        }),
        // A pod goes and another comes, in pairs.
        every(6_000, all.signal, async () => {
          for (const _ of [1, 2]) await fleet.add(await fleet.dismiss());
        }),
      ];
      const misfortunes = faults(fixture, raft, roles, signal);
      for (let turn = 0; elapsed() < stormyMs; turn += 1) {
        await sleep(45_000, undefined, { signal });
        const { what, happen } = misfortunes[turn % misfortunes.length]!;
        console.log(`soak: ${Math.round(elapsed() / 1000)} s: ${what}`);
        troubleUntil = Infinity;
        await happen();
        troubleUntil = elapsed() + recoveryMs;
      }
      await sleep(Math.max(0, minutes * 60_000 - elapsed()), undefined, { signal });
      all.abort();
      await Promise.all(work);
      expect(bad).toEqual([]);
      expect(checks).toBeGreaterThan(minutes * 20);
    },
    Infinity,
  );

  test("Vault has what the book has, and nothing else: no orphan", async () => {
    await eventually(
      async () => {
        const book = (await held()).filter(isAlive);
        const accessors = book.filter(({ kind }) => kind === "token").map(({ tokenAccessor }) => tokenAccessor);
        expect((await tokensInVault()).sort()).toEqual(accessors.sort());
        expect(book.filter(({ kind }) => kind === "lease")).toHaveLength(pods);
        const [leases, inDatabase, volumes] = [await leasesInVault(), await users(), fleet.users];
        expect(leases).toBe(inDatabase.length);
        // A login that was replaced ends by itself, and so does the one before where the token's end showed just then;
        // every other user is an orphan.
        const known = new Set(volumes.flatMap((ofVolume) => ofVolume.slice(-3)));
        expect(inDatabase.filter((user) => !known.has(user))).toEqual([]);
        expect(inDatabase).toEqual(expect.arrayContaining(volumes.map((ofVolume) => ofVolume.at(-1))));
      },
      signal,
      180_000,
    );
  }, 200_000);

  test("memory and open handles are flat once nothing goes wrong any more", async () => {
    const calm = samples.filter(({ at, pid }) => at * 1000 > stormyMs + recoveryMs && pid === node.provider().pid());
    const half = Math.floor(calm.length / 2);
    const [earlier, later] = [calm.slice(0, half), calm.slice(half)];
    expect(half).toBeGreaterThan(2);
    expect(median(later.map(({ own }) => own))).toBeLessThan(1.15 * median(earlier.map(({ own }) => own)));
    expect(median(later.map(({ handles }) => handles))).toBeLessThan(
      median(earlier.map(({ handles }) => handles)) + 10,
    );
  });

  test("when the pods go, nothing of them stays", async () => {
    while (fleet.size > 0) await fleet.dismiss();
    await eventually(
      async () => {
        expect(await held()).toEqual([]);
        expect(await tokensInVault()).toEqual([]);
        expect(await users()).toEqual([]);
      },
      signal,
      180_000,
    );
    await report();
  }, 600_000);
});

/** The book keeps what was replaced a little longer than Vault does. */
function isAlive({ state, endsAt = Infinity }: CredentialInfo): boolean {
  return state !== "replaced" || endsAt > Date.now();
}

async function tokensInVault(): Promise<string[]> {
  const { data } = await api.request("LIST", "auth/token/accessors");
  const accessors = data["keys"] as string[];
  const own = await api.request("GET", "auth/token/lookup-self");
  return accessors.filter((accessor) => accessor !== own.data["accessor"]);
}

async function leasesInVault(): Promise<number> {
  const counts = roles.map(async ({ name }) => {
    const { status, text } = await api.answer("LIST", `sys/leases/lookup/${database}/creds/${name}`);
    if (status === 404) return 0;
    return (JSON.parse(text) as { data: { keys: string[] } }).data.keys.length;
  });
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

/** What Vault was asked, by its own audit log, and what the process took. */
async function report(): Promise<void> {
  const asked = (await auditedRequests(auditLog, app.namespace)).filter(({ ok }) => ok);
  const count = (what: string) => asked.filter((request) => request.what.startsWith(what)).length;
  const made = count(`read ${database}/creds/`);
  const peak = (of: (sample: ProcessSample) => number) => Math.round(Math.max(...samples.map(of)));
  const lines = {
    minutes,
    pods,
    "pods in all": fleet.came,
    publishes: fleet.publishes,
    "first publishes that failed": fleet.failures,
    "logins to Vault": count("login"),
    "database logins made": made,
    replacements: made - fleet.came,
    "renewals of tokens": count("update auth/token/renew-self"),
    "renewals of leases": count("update sys/leases/renew"),
    "tokens revoked": count("update auth/token/revoke-self"),
    orphans: 0,
    "logins tried with what files say": checks,
    "that failed, but for faults": bad.length,
    "peak RSS (MiB)": peak(({ rss }) => rss),
    "of that its own (MiB)": peak(({ own }) => own),
    "own memory at the end (MiB)": Math.round(samples.at(-1)?.own ?? 0),
    "most open handles": peak(({ handles }) => handles),
  };
  console.log(
    Object.entries(lines)
      .map(([what, value]) => `| ${what} | ${value} |`)
      .join("\n"),
  );
  const file = process.env["KEYMOUNT_SOAK_REPORT"];
  if (file) await writeFile(file, JSON.stringify({ ...lines, samples }, null, 1));
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
