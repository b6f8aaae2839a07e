import fc from "fast-check";
import { beforeAll, expect, inject, test } from "vitest";
import { sshValidity } from "./ssh-certificate.js";
import { type ModelPod, NodeWorld, lives, tenants } from "../../dev/testing/model/node-world.js";

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
/** In front of OpenBao, fewer: it is the same keymount, and only what the product answers differs. */
const runs = Number(process.env["KEYMOUNT_MODEL_RUNS"] ?? (inject("product") === "vault" ? 2_000 : 60));
const seed = process.env["KEYMOUNT_MODEL_SEED"];

/** What may happen on a node, as data, so that a sequence that goes wrong can be cut down and printed. */
type Step =
  | { do: "mount" | "upgrade" | "replace the pod" | "revoke its token" | "revoke its lease"; pod: number }
  | { do: "pass"; ms: number }
  | { do: "change the note" | "take the note's key" | "delete the note" | "deny" | "allow"; tenant: number }
  | {
      do:
        | "seal"
        | "unseal"
        | "lose the leader"
        | "find a leader"
        | "database down"
        | "database up"
        | "restart"
        | "revoke all leases"
        | "lose the lock";
    }
  | { do: "kill"; after: number };

const pods = 3;
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant("mount" as const), pod: fc.nat(pods - 1) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("pass" as const),
      ms: fc.constantFrom(second, 10 * second, minute, 3 * minute, 10 * minute, 20 * minute, hour, 5 * hour, 30 * hour),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "upgrade" as const,
        "replace the pod" as const,
        "revoke its token" as const,
        "revoke its lease" as const,
      ),
      pod: fc.nat(pods - 1),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "change the note" as const,
        "take the note's key" as const,
        "delete the note" as const,
        "deny" as const,
        "allow" as const,
      ),
      tenant: fc.nat(tenants.length - 1),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "seal" as const,
        "unseal" as const,
        "lose the leader" as const,
        "find a leader" as const,
        "database down" as const,
        "database up" as const,
        "restart" as const,
        "revoke all leases" as const,
        "lose the lock" as const,
      ),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("kill" as const), after: fc.nat(8) }) },
);

const world = new NodeWorld();
beforeAll(() => world.furnish());

/** The pods by number; one that is replaced has another uid, and the same number. */
let numbered: ModelPod[] = [];
/** When something last went wrong, or was done behind keymount's back. */
let troubledAt = -Infinity;
/** Logins to the database whose end was not reported to keymount. */
const revokedBehind = new Set<string>();
/** Tokens that a killed process had not written yet: they are unknown, and end with their time. */
let lost = 0;
/** Whether the process was killed: what it had not written yet is lost. */
let killed = false;
let notes = 0;

async function take(step: Step): Promise<void> {
  const { vault } = world;
  switch (step.do) {
    case "mount":
      return mountAndCheck(numbered[step.pod]!);
    case "pass":
      return world.pass(step.ms);
    case "replace the pod":
      await world.forget(numbered[step.pod]!);
      numbered[step.pod] = world.addPod(numbered[step.pod]!.tenant);
      return;
    case "revoke its token":
      return behindItsBack(() => {
        for (const token of tokensOf(numbered[step.pod]!)) vault.cluster.tokens.revoke(token);
      });
    case "revoke its lease":
      return behindItsBack(() => {
        const tokens = tokensOf(numbered[step.pod]!);
        const ofPod = vault.cluster.leases.all().filter(({ token }) => tokens.includes(token));
        for (const { id } of ofPod) vault.cluster.leases.revoke(id);
      });
    case "revoke all leases":
      return behindItsBack(() => vault.cluster.leases.revokePrefix("database/"));
    case "change the note":
      return write(step.tenant, { note: `${tenants[step.tenant]}'s ${(notes += 1)}` });
    case "take the note's key":
      return write(step.tenant, { other: "x" });
    case "delete the note":
      return world.reachable ? world.admin("DELETE", `kv/data/${tenants[step.tenant]}`) : undefined;
    case "deny":
    case "allow":
      return world.reachable ? world.allow(tenants[step.tenant]!, step.do === "allow") : undefined;
    case "seal":
    case "unseal":
      vault.node.status.sealed = step.do === "seal";
      return;
    case "lose the leader":
    case "find a leader":
      vault.node.standing = step.do === "lose the leader" ? "leaderless" : "active";
      return;
    case "database down":
    case "database up":
      world.database.isDown = step.do === "database down";
      return;
    case "restart":
      return world.restart();
    case "upgrade":
      return world.upgrade(numbered[step.pod]);
    case "lose the lock":
      return world.loseLock();
    case "kill":
      return world.killIn(step.after);
  }
}

/** Leases that an administrator revokes; keymount learns of it when it renews one. */
function behindItsBack(revoke: () => void): void {
  if (world.database.isDown) return;
  const before = world.database.users;
  revoke();
  const left = new Set(world.database.users);
  for (const user of before) if (!left.has(user)) revokedBehind.add(user);
}

async function write(tenant: number, data: object): Promise<void> {
  if (world.reachable) await world.writeNote(tenants[tenant]!, data);
}

/** As far as keymount knows which are whose: Vault's own do not name the pod. */
function tokensOf(pod: ModelPod) {
  const held = world.credentials.tokens.all().filter(({ caller }) => caller.pod?.endsWith(`/${pod.uid}`));
  const accessors = new Set(held.map(({ token }) => token.accessor));
  return world.vault.cluster.tokens.all().filter(({ accessor }) => accessors.has(accessor));
}

function secretsOf(pod: ModelPod): string[] {
  return [...tokensOf(pod).map(({ id }) => id), pod.jwt, ...Object.values(pod.files)].filter((text) => text !== "");
}

/** Of a certificate of the model's, which is backdated by half a minute. */
function lifeOf(certificate: string): { issuedAt: number; endsAt: number } {
  const { validAfter, validBefore } = sshValidity(certificate)!;
  return { issuedAt: (Number(validAfter) + 30) * second, endsAt: Number(validBefore) * second };
}

const ageOf = (user: string) => world.clock.wall() - Number(user.split("-").at(-1)) * second;

/** A Mount, and what it must never do. */
async function mountAndCheck(pod: ModelPod): Promise<void> {
  const before = pod.files;
  const calm = world.clock.monotonic() - troubledAt > 2 * hour;
  const [standing] = [...world.credentials.tokens.current()].filter(({ caller }) =>
    caller.pod?.endsWith(`/${pod.uid}`),
  );
  const young = standing !== undefined && world.clock.monotonic() - standing.token.issuedAt < lives.tokenMax - hour;
  const error = await world.mount(pod);
  if (error) {
    // A volume that has files goes on having them, unless the process that knew of them was killed.
    if (!killed) expect(before, error.message).toEqual({});
    for (const secret of secretsOf(pod)) expect(error.message, "an error holds no secret").not.toContain(secret);
    expect(["unavailable", "permission_denied", "unauthenticated", "not_found"]).toContain(error.code);
    return;
  }
  const { user = "", password = "", note = "", made = "", certificate = "" } = pod.files;
  expect(
    [user, password, note, made, certificate].every((text) => text !== ""),
    "every file has something in it",
  ).toBe(true);
  expect(user, "the login is of the pod's own role").toContain(`-${pod.tenant}-`);
  expect(note, "the note is of the pod's own tenant").toContain(`${pod.tenant}'s`);
  const works = world.database.admits(user, password);
  if (world.database.users.includes(user)) expect(works, "name and password are of one login").toBe(true);
  if (user !== before["user"] && !revokedBehind.has(user)) expect(works, "what is newly delivered is alive").toBe(true);
  if (before["made"] !== undefined) expect(made, "what is made once is not made again").toBe(before["made"]);
  const { issuedAt, endsAt } = lifeOf(certificate);
  const earlier = before["certificate"];
  if (earlier !== undefined && earlier !== certificate) {
    expect(endsAt, "what is newly issued has its life before it").toBeGreaterThan(
      world.clock.wall() + lives.certificate / 2,
    );
    const age = issuedAt - lifeOf(earlier).issuedAt;
    if (!killed)
      expect(age, "a certificate is not replaced before two thirds of its life").toBeGreaterThanOrEqual(
        (lives.certificate * 2) / 3 - second,
      );
  }
  const hadAnother = before["user"] !== undefined && before["user"] !== user;
  if (calm && young && hadAnother) {
    expect(ageOf(before["user"]!), "a login is not replaced before its time").toBeGreaterThan(0.75 * lives.loginMax);
  }
}

/** All is well again; then every pod has what it should, within the time that backoff and spreading may take. */
async function heal(): Promise<void> {
  world.killIn(Infinity);
  world.vault.node.status.sealed = false;
  world.vault.node.standing = "active";
  world.database.isDown = false;
  for (const [index, tenant] of tenants.entries()) {
    await world.allow(tenant, true);
    await write(index, { note: `${tenant}'s last` });
  }
  for (let minutes = 0; minutes < 25; minutes += 1) {
    for (const pod of numbered) await world.mount(pod);
    await world.pass(minute);
  }
  for (const pod of numbered) {
    await mountAndCheck(pod);
    expect(pod.files["note"]).toBe(`${pod.tenant}'s last`);
    expect(world.database.admits(pod.files["user"] ?? "", pod.files["password"] ?? ""), "the login works").toBe(true);
    expect(lifeOf(pod.files["certificate"]!).endsAt, "the certificate is valid").toBeGreaterThan(world.clock.wall());
  }
  expect(world.database.users.length, "at most two logins for each volume").toBeLessThanOrEqual(2 * pods + world.kills);
  expect(strangers(), "unknown tokens").toBeLessThanOrEqual(lost);
}

/** Live tokens of Vault that keymount does not hold. */
function strangers(): number {
  const known = new Set(world.credentials.tokens.all().map(({ token }) => token.accessor));
  const live = world.vault.cluster.tokens.all().filter(({ id }) => id !== world.vault.rootToken);
  return live.filter(({ accessor }) => !known.has(accessor)).length;
}

/** The pods go, and nothing of them is left; what a killed process lost ends with its time. */
async function leave(): Promise<void> {
  for (const pod of numbered) await world.forget(pod);
  await world.pass(10 * minute);
  expect(world.credentials.tokens.all(), "nothing is held for pods that are gone").toEqual([]);
  expect(world.vault.live.tokens).toBeLessThanOrEqual(lost);
  await world.pass(7 * hour);
  expect(world.vault.live).toEqual({ tokens: 0, leases: 0, users: 0 });
}

test(`random sequences of events, ${runs} runs`, async () => {
  const property = fc.asyncProperty(fc.array(steps, { minLength: 3, maxLength: 30 }), async (sequence) => {
    await world.reset();
    numbered = Array.from({ length: pods }, (_, number) => world.addPod(tenants[number % tenants.length]!));
    troubledAt = -Infinity;
    revokedBehind.clear();
    killed = false;
    lost = 0;
    for (const step of sequence) {
      if (!["mount", "pass", "change the note"].includes(step.do)) troubledAt = world.clock.monotonic();
      killed ||= step.do === "kill";
      const kills = world.kills;
      await take(step);
      expect(world.violations).toEqual([]);
      expect(strangers(), "at most one login is lost, and only to a kill").toBeLessThanOrEqual(
        lost + world.kills - kills,
      );
      lost = strangers();
    }
    await heal();
    await leave();
    expect(world.violations).toEqual([]);
  });
  // A failure names its seed and path: KEYMOUNT_MODEL_SEED=… repeats the run, KEYMOUNT_MODEL_RUNS=… makes it longer.
  await fc.assert(property, { numRuns: runs, ...(seed !== undefined && { seed: Number(seed) }) });
}, 600_000);

test("a calm day: a volume never shows a login that is dead, nothing is replaced before its time, and nothing piles up", async () => {
  await world.reset();
  numbered = Array.from({ length: pods }, (_, number) => world.addPod(tenants[number % tenants.length]!));
  const logins = new Set<string>();
  for (let passed = 0; passed < 24 * hour; passed += 2 * minute) {
    for (const pod of numbered) {
      const { user, password } = pod.files;
      expect(await world.mount(pod)).toBeUndefined();
      logins.add(pod.files["user"]!);
      // Open connections go on with the previous login.
      if (user) expect(world.database.admits(user, password!), "a login that is replaced ends by itself").toBe(true);
    }
    await world.pass(2 * minute);
    for (const { files } of numbered)
      expect(world.database.admits(files["user"]!, files["password"]!), "the login works").toBe(true);
    for (const { files } of numbered)
      expect(lifeOf(files["certificate"]!).endsAt, "the certificate is valid").toBeGreaterThan(world.clock.wall());
    expect(world.database.users.length).toBeLessThanOrEqual(2 * pods);
    expect(world.vault.live.tokens).toBeLessThanOrEqual(2 * pods);
  }
  expect(world.violations).toEqual([]);
  expect(logins.size).toBeLessThanOrEqual((pods * 24 * hour) / (0.75 * lives.loginMax));
  await leave();
});
