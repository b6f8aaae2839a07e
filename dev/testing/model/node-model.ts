import fc from "fast-check";
import { expect, inject } from "vitest";
import { sshValidity } from "../../../src/leases/ssh-certificate.js";
import type { ProviderError } from "../../../src/shared/errors.js";
import {
  type Contents,
  type ModelPod,
  NodeWorld,
  type Tenant,
  lives,
  pathOf,
  isOfSet,
  setNames,
  tenants,
} from "./node-world.js";
import { type Step, anyStep, calmSteps } from "./steps.js";

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

export interface NodeModelOptions {
  /** Of the volumes, by number. */
  volumes: readonly { tenant: Tenant; contents: Contents }[];
  /** Pods may start from offline copies of this age; without it, from none. */
  maxAgeMs?: number;
}

/** What must hold on a node whatever happens on it. */
export class NodeModel {
  readonly world: NodeWorld;
  readonly #options: NodeModelOptions;
  /** The pods by number; one that is replaced has another uid, and the same number. */
  pods: ModelPod[] = [];
  /** When something last went wrong, or was done behind keymount's back. */
  #troubledAt = -Infinity;
  /** Logins to the database whose end was not reported to keymount. */
  readonly #revokedBehind = new Set<string>();
  /** Tokens that a killed process had not written yet: they are unknown, and end with their time. */
  #lost = 0;
  /** Whether the process was killed: what it had not written yet is lost. */
  #killed = false;

  constructor(options: NodeModelOptions) {
    this.#options = options;
    this.world = new NodeWorld(options.maxAgeMs);
  }

  async reset(): Promise<void> {
    await this.world.reset();
    this.pods = this.#options.volumes.map(({ tenant, contents }) => this.world.addPod(tenant, contents));
    this.#troubledAt = -Infinity;
    this.#revokedBehind.clear();
    this.#killed = false;
    this.#lost = 0;
  }

  /** Any sequences. A failure names its seed and path: KEYMOUNT_MODEL_SEED=… repeats them, KEYMOUNT_MODEL_RUNS=… makes more. */
  async checkSequences(): Promise<void> {
    const { volumes, maxAgeMs } = this.#options;
    const step = anyStep(volumes.length, { starts: maxAgeMs === undefined ? 0 : 1 });
    const sequences = fc.array(step, { minLength: 3, maxLength: 30 });
    const seed = process.env["KEYMOUNT_MODEL_SEED"];
    await fc.assert(
      fc.asyncProperty(sequences, (sequence) => this.checkSequence(sequence)),
      { numRuns: runs, ...(seed !== undefined && { seed: Number(seed) }) },
    );
  }

  /** The steps, recovery, and the end of all pods. */
  async checkSequence(sequence: readonly Step[]): Promise<void> {
    await this.reset();
    for (const step of sequence) await this.#checkStep(step);
    await this.#heal();
    await this.leave();
    expect(this.world.violations).toEqual([]);
  }

  async #checkStep(step: Step): Promise<void> {
    const { world } = this;
    this.#killed ||= step.do === "kill";
    const { kills } = world;
    await this.#take(step);
    expect(world.violations).toEqual([]);
    const allowed = this.#lost + world.kills - kills;
    expect(this.#strangers(), "at most one login is lost, and only to a kill").toBeLessThanOrEqual(allowed);
    this.#lost = this.#strangers();
  }

  async #take(step: Step): Promise<void> {
    const { world, pods } = this;
    const { vault } = world;
    if (!calmSteps.includes(step.do)) this.#troubledAt = world.clock.monotonic();
    switch (step.do) {
      case "mount":
        return this.#mountAndCheck(pods[step.pod]!);
      case "pass":
        return world.pass(step.ms);
      case "replace the pod":
        return this.#replace(step.pod);
      case "start a pod while Vault is away":
        vault.node.standing = "leaderless";
        await this.#replace(step.pod);
        return this.#mountAndCheck(pods[step.pod]!);
      case "recreate the account":
        return world.recreateAccount(tenants[step.tenant]!);
      case "revoke its token":
        return this.#behindItsBack(() => {
          for (const token of this.#tokensOf(pods[step.pod]!)) vault.cluster.tokens.revoke(token);
        });
      case "revoke its lease":
        return this.#behindItsBack(() => {
          const tokens = this.#tokensOf(pods[step.pod]!);
          const ofPod = vault.cluster.leases.all().filter(({ token }) => tokens.includes(token));
          for (const { id } of ofPod) vault.cluster.leases.revoke(id);
        });
      case "revoke all leases":
        return this.#behindItsBack(() => vault.cluster.leases.revokePrefix("database/"));
      case "change the set":
        return world.reachable ? world.writeSet(tenants[step.tenant]!, step) : undefined;
      case "mount while the set changes": {
        const pod = pods[step.pod]!;
        await world.pass(3 * minute);
        world.happen(step.after, () => world.reachable && world.writeSet(pod.tenant, step));
        return this.#mountAndCheck(pod);
      }
      case "meanwhile":
        // The embedded Vault carries it out at once.
        return world.happen(step.after, () => void this.#take(step.happening).catch((error) => world.violated(error)));
      case "take the note's key":
        return world.reachable ? world.takeKey(tenants[step.tenant]!) : undefined;
      case "delete the note":
        return world.reachable ? world.admin("DELETE", pathOf(tenants[step.tenant]!, "note")) : undefined;
      case "deny":
      case "allow":
        return world.reachable ? world.allow(tenants[step.tenant]!, step.do === "allow") : undefined;
      case "refuse logins":
      case "allow logins":
        return world.reachable ? world.allowLogins(tenants[step.tenant]!, step.do === "allow logins") : undefined;
      case "note away":
      case "twin away":
        world.away.add(pathOf(tenants[step.tenant]!, step.do === "note away" ? "note" : "twin"));
        return;
      case "both back":
        for (const name of setNames) world.away.delete(pathOf(tenants[step.tenant]!, name));
        return;
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
        return world.upgrade(pods[step.pod]);
      case "lose the lock":
        return world.loseLock();
      case "kill":
        return world.killIn(step.after);
    }
  }

  async #replace(number: number): Promise<void> {
    const { tenant, contents } = this.pods[number]!;
    await this.world.forget(this.pods[number]!);
    this.pods[number] = this.world.addPod(tenant, contents);
  }

  /** Leases that an administrator revokes; keymount learns of it when it renews one. */
  #behindItsBack(revoke: () => void): void {
    const { database } = this.world;
    if (database.isDown) return;
    const before = database.users;
    revoke();
    const left = new Set(database.users);
    for (const user of before) if (!left.has(user)) this.#revokedBehind.add(user);
  }

  /** As far as keymount knows which are whose: Vault's own do not name the pod. */
  #tokensOf(pod: ModelPod) {
    const held = this.world.credentials.tokens.all().filter(({ caller }) => caller.pod?.endsWith(`/${pod.uid}`));
    const accessors = new Set(held.map(({ token }) => token.accessor));
    return this.world.vault.cluster.tokens.all().filter(({ accessor }) => accessors.has(accessor));
  }

  #secretsOf(pod: ModelPod): string[] {
    const tokens = this.#tokensOf(pod).map(({ id }) => id);
    return [...tokens, pod.principal.jwt.reveal(), ...Object.values(pod.files)].filter((text) => text !== "");
  }

  /** A Mount, and what it must never do. */
  async #mountAndCheck(pod: ModelPod): Promise<void> {
    const { world } = this;
    const before = { files: pod.files, process: world.credentials, madeBy: pod.madeBy };
    const [standing] = [...world.credentials.tokens.current()].filter(({ caller }) =>
      caller.pod?.endsWith(`/${pod.uid}`),
    );
    const young = standing !== undefined && world.clock.monotonic() - standing.token.issuedAt < lives.tokenMax - hour;
    const error = await world.mount(pod);
    if (error) return this.#checkFailure(pod, error, before);
    const { files, contents } = pod;
    expect(Object.keys(files).sort(), "every file is there").toEqual(filesOf[contents]);
    expect(Object.values(files), "every file has something in it").not.toContain("");
    this.#checkSet(pod, before);
    if (contents === "set") return;
    const calm = world.clock.monotonic() - this.#troubledAt > 2 * hour;
    this.#checkLogin(pod, before.files, calm && young);
    if (contents === "everything") this.#checkIssued(pod, before.files);
  }

  #checkFailure(pod: ModelPod, error: ProviderError, { files, process, madeBy }: Before): void {
    const { message, code } = error;
    // A volume that has files goes on having them, unless the process that knew of them was killed. One without credentials is
    // known to its process only, and copies become too old.
    const isKnown = !this.#killed && madeBy !== undefined && (pod.contents !== "set" || madeBy === process);
    if (isKnown) expect(files, message).toEqual({});
    for (const secret of this.#secretsOf(pod)) expect(message, "an error holds no secret").not.toContain(secret);
    expect(["unavailable", "permission_denied", "unauthenticated", "not_found"]).toContain(code);
    if (pod.contents !== "set" || code !== "unavailable" || this.world.wasKilled) return;
    const { copyLedger, mountedAt } = this.world;
    const paths = setNames.map((name) => pathOf(pod.tenant, name));
    const mustStart = copyLedger.mustHave(pod.principal.accountKey, paths, mountedAt);
    expect(mustStart, `a pod starts from the copies there are: ${message}`).toBe(false);
  }

  /** The two secrets that are always written together. */
  #checkSet(pod: ModelPod, { files: before, process, madeBy }: Before): void {
    const { tenant, files, principal, stale } = pod;
    const { copyLedger, mountedAt, setChanges } = this.world;
    const { note, twin } = files;
    for (const text of [note, twin]) expect(text, "the set is of the pod's own tenant").toContain(`${tenant}'s`);
    for (const { objectName, copyAgeMs, error } of stale) {
      if (copyAgeMs === undefined) continue;
      const name = setNames.find((one) => one === objectName);
      expect(name, "a copy is of the set alone").toBeDefined();
      const copy = { text: files[objectName]!, ageMs: copyAgeMs, now: mountedAt };
      const mayHave = copyLedger.mayHave(principal.accountKey, pathOf(tenant, name!), copy);
      expect(
        mayHave,
        `a copy is what its account was delivered with last, and was not refused since: ${error.message}`,
      ).toBe(true);
    }
    const ofSet = stale.filter(isOfSet);
    if (ofSet.some(({ copyAgeMs }) => copyAgeMs !== undefined)) {
      const isDelivered = copyLedger.mayHaveSet(principal.accountKey, [note!, twin!]);
      return expect(isDelivered, "copies and what is beside them were delivered together before").toBe(true);
    }
    // What Vault refuses of one path concerns no other.
    if (ofSet.some(({ error }) => error.code !== "unavailable")) return;
    // What a process that was killed has delivered, the next one may not know of.
    const isKnown = madeBy === process || (madeBy !== undefined && !this.#killed);
    const isDelivered = before["note"] !== undefined && isKnown;
    const asBefore = note === before["note"] && twin === before["twin"];
    if (ofSet.length > 0 && isDelivered) expect(asBefore, "while one cannot be read, both stay").toBe(true);
    // The first Mount may fall between the writes, and another one's last reads between those of a second change; what the
    // first Mount brought half of is the first.
    const changes = setChanges + (isDelivered && before["note"] !== before["twin"] ? 1 : 0);
    if (asBefore || changes > (isDelivered ? 1 : 0)) return;
    expect(note, "what is written together is delivered together").toBe(twin);
  }

  #checkLogin({ tenant, files }: ModelPod, before: ModelPod["files"], isCalm: boolean): void {
    const { clock, database } = this.world;
    const { user = "", password = "" } = files;
    expect(user, "the login is of the pod's own role").toContain(`-${tenant}-`);
    const works = database.admits(user, password);
    if (database.users.includes(user)) expect(works, "name and password are of one login").toBe(true);
    const { user: previous } = before;
    const isNew = previous !== user;
    if (isNew && !this.#revokedBehind.has(user)) expect(works, "what is newly delivered is alive").toBe(true);
    if (!isCalm || !isNew || previous === undefined) return;
    const age = clock.wall() - Number(previous.split("-").at(-1)) * second;
    expect(age, "a login is not replaced before its time").toBeGreaterThan(0.75 * lives.loginMax);
  }

  #checkIssued({ files: { made, certificate = "" } }: ModelPod, before: ModelPod["files"]): void {
    if (before["made"] !== undefined) expect(made, "what is made once is not made again").toBe(before["made"]);
    const earlier = before["certificate"];
    if (earlier === undefined || earlier === certificate) return;
    const { issuedAt, endsAt } = lifeOf(certificate);
    const left = endsAt - this.world.clock.wall();
    const least = (lives.certificate * 2) / 3 - second;
    // An earlier Mount may have got it, and failed.
    expect(left, "what is delivered is not due to be replaced").toBeGreaterThan(lives.certificate - least - 2 * second);
    const age = issuedAt - lifeOf(earlier).issuedAt;
    if (!this.#killed) expect(age, "it is not replaced before two thirds of its life").toBeGreaterThanOrEqual(least);
  }

  /** All is well again; then every pod has what it should, within the time that backoff and spreading may take. */
  async #heal(): Promise<void> {
    const { world, pods } = this;
    world.killIn(Infinity);
    world.calmDown();
    world.vault.node.status.sealed = false;
    world.vault.node.standing = "active";
    world.database.isDown = false;
    world.away.clear();
    for (const tenant of tenants) {
      await world.allow(tenant, true);
      await world.allowLogins(tenant, true);
      world.writeSet(tenant);
    }
    for (let minutes = 0; minutes < 25 && !pods.every((pod) => this.#isWell(pod)); minutes += 1) {
      if (minutes > 0) await world.pass(minute);
      for (const pod of pods) if (!this.#isWell(pod)) await this.#mountAndCheck(pod);
    }
    for (const { files, stale, tenant } of pods) {
      const set = world.setOf(tenant);
      expect(files, "the set is the last one").toMatchObject({ note: set, twin: set });
      expect(stale, "nothing is stale").toEqual([]);
    }
    for (const pod of pods) this.checkWell(pod);
    const most = 2 * pods.length + world.kills;
    expect(world.users.length, "at most two logins for each volume").toBeLessThanOrEqual(most);
    expect(this.#strangers(), "unknown tokens").toBeLessThanOrEqual(this.#lost);
  }

  #isWell(pod: ModelPod): boolean {
    const { files, stale, tenant } = pod;
    const set = this.world.setOf(tenant);
    return files["note"] === set && files["twin"] === set && stale.length === 0 && this.#livesOn(pod);
  }

  /** What it has that ends is alive. */
  #livesOn({ contents, files: { user = "", password = "", certificate = "" } }: ModelPod): boolean {
    const { database, clock } = this.world;
    const works = contents === "set" || database.admits(user, password);
    return works && (contents !== "everything" || lifeOf(certificate).endsAt > clock.wall());
  }

  checkWell(pod: ModelPod): void {
    expect(this.#livesOn(pod), "the login works, and the certificate is valid").toBe(true);
  }

  /** Live tokens of Vault that keymount does not hold. */
  #strangers(): number {
    const { vault, credentials } = this.world;
    const known = new Set(credentials.tokens.all().map(({ token }) => token.accessor));
    const live = vault.cluster.tokens.all().filter(({ id }) => id !== vault.rootToken);
    return live.filter(({ accessor }) => !known.has(accessor)).length;
  }

  /** The pods go, and nothing of them is left; what a killed process lost ends with its time, and so do copies. */
  async leave(): Promise<void> {
    const { world } = this;
    for (const pod of this.pods) await world.forget(pod);
    await world.pass(10 * minute);
    expect(world.credentials.tokens.all(), "nothing is held for pods that are gone").toEqual([]);
    expect(world.vault.live.tokens).toBeLessThanOrEqual(this.#lost);
    await world.pass(7 * hour);
    expect(world.vault.live).toEqual({ tokens: 0, leases: 0, users: 0 });
    expect(world.copies.all(), "no copy is older than it may be").toEqual([]);
  }
}

/** What was there before a Mount. */
interface Before {
  files: ModelPod["files"];
  process: NodeWorld["credentials"];
  madeBy: ModelPod["madeBy"];
}

/**
 * Sequences of one check, new ones each time; CI plays a thousand of each (`.ci/run`). In front of OpenBao, fewer: it is the
 * same keymount, and only what the product answers differs.
 */
export const runs = Number(process.env["KEYMOUNT_MODEL_RUNS"] ?? (inject("product") === "vault" ? 200 : 30));

const filesOf: Record<Contents, string[]> = {
  everything: ["certificate", "made", "note", "password", "twin", "user"],
  "login and set": ["note", "password", "twin", "user"],
  set: ["note", "twin"],
};

/** Of a certificate of the model's, which is backdated by half a minute. */
function lifeOf(certificate: string): { issuedAt: number; endsAt: number } {
  const { validAfter, validBefore } = sshValidity(certificate)!;
  return { issuedAt: (Number(validAfter) + 30) * second, endsAt: Number(validBefore) * second };
}
