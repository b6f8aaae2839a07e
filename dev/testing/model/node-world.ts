import { inject } from "vitest";
import { inProcessRenderer } from "../in-process-renderer.js";
import type { Connection } from "../../../src/config/connection.js";
import { Database } from "../../vault/database.js";
import { DevVault } from "../../vault/dev-vault.js";
import { leaseRenewalAt } from "../../../src/leases/cached-secret.js";
import type { Credentials } from "../../../src/leases/credentials.js";
import { type StaleObject, mountVolume } from "../../../src/mount/mount-volume.js";
import type { MountSpec, ObjectSpec, VaultRequest } from "../../../src/mount/mount-spec.js";
import type { Answered, Principal, SecretSource } from "../../../src/mount/ports.js";
import { accountKey, ownerKey } from "../../../src/mount/owner-key.js";
import { ProviderError } from "../../../src/shared/errors.js";
import { EventLoopScheduler } from "../../../src/shared/event-loop-scheduler.js";
import { Redacted } from "../../../src/shared/redacted.js";
import type { Operation } from "../../../src/vault/operation.js";
import { tokenRenewalAt } from "../../../src/vault/stored-token.js";
import { sampleConnection } from "../connection.js";
import type { CopyStore } from "../../../src/leases/offline-copies.js";
import type { VaultAnswer } from "../../../src/vault/vault-client.js";
import { FakeClock } from "../fake-clock.js";
import { openState } from "../open-state.js";
import { RecordsInMemory } from "../records-in-memory.js";
import { testCredentials } from "../test-credentials.js";
import { CopyLedger } from "./copy-ledger.js";
import { InProcessVaultClient } from "./in-process-vault-client.js";
import { ModelClock } from "./model-clock.js";

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** Lifetimes of what Vault creates here, in milliseconds. */
export const lives = {
  token: hour,
  tokenMax: 6 * hour,
  login: 15 * minute,
  loginMax: hour,
  certificate: 30 * minute,
} as const;
export const tenants = ["ann", "bob"] as const;
export type Tenant = (typeof tenants)[number];

/**
 * What a volume is made of. Every one has the tenant's set: two secrets that are written together, of different refresh
 * intervals. Then there are a database login in two files, something that is made once, and a certificate that ends.
 */
export type Contents = "everything" | "login and set" | "set";

export interface ModelPod {
  readonly uid: string;
  readonly tenant: Tenant;
  readonly contents: Contents;
  readonly principal: Principal;
  readonly spec: MountSpec;
  /** What its volume shows: file → text; nothing before the first Mount. */
  files: Readonly<Record<string, string>>;
  /** What the last Mount served stale, and why. */
  stale: readonly StaleObject[];
  /** The process that has what the files are made of: it read all of them from Vault. */
  madeBy: Credentials | undefined;
}

/** The two secrets of a tenant's set, by their objects' names. */
export const setNames = ["note", "twin"] as const;

/** It is one of the set. */
export function isOfSet({ objectName }: { objectName: string }): boolean {
  return setNames.some((name) => name === objectName);
}

export function pathOf(tenant: Tenant, name: (typeof setNames)[number]): string {
  return name === "note" ? `kv/data/${tenant}` : `kv/data/${tenant}-twin`;
}

/** The process has been killed and will not answer. */
class Killed extends Error {}

/**
 * One node: a Vault, a database behind it, pods, and a keymount that may be killed at any moment and restarted on the
 * records it left. Everything real but network, clock and disk.
 */
export class NodeWorld {
  readonly clock = new ModelClock();
  readonly vault = new DevVault({ clock: this.clock, product: inject("product") });
  readonly connection: Connection;
  readonly pods = new Map<string, ModelPod>();
  /** Paths that give no good answer, though Vault is well. */
  readonly away = new Set<string>();
  /** Which offline copies may be there. */
  copyLedger = new CopyLedger(0);
  /** How often a process was killed. */
  kills = 0;
  records = new RecordsInMemory();
  copies = new RecordsInMemory();
  credentials!: Credentials;
  /** How many sets, or notes alone, were written, at least in part, during the last Mount: its reads may fall on both sides. */
  setChanges = 0;
  /** When the last Mount ended. */
  mountedAt = 0;
  /** The process was killed during the last Mount. */
  wasKilled = false;
  /** What may never be, and was seen. */
  readonly violations: string[] = [];
  /** Of failed attempts: what was tried, and when. */
  readonly #failedAt = new Map<string, number>();
  #life = new AbortController();
  #hasLock = false;
  #killIn = Infinity;
  #death: { promise: Promise<never>; die: () => void } = death();
  #uids = 0;
  #random = 0.5;
  readonly #sets = new Map<Tenant, string>();
  #setsWritten = 0;
  /** Writes the other secret of a set that is half written. */
  #writeOther: (() => void) | undefined;
  /** What happens once so many more requests have reached Vault. */
  #happenings: { after: number; act: () => void }[] = [];
  /** How often the service account of a tenant was made. */
  readonly #accounts = new Map<Tenant, number>();

  /** With `maxAgeMs`, pods may start from offline copies of that age. */
  constructor(maxAgeMs?: number) {
    this.connection = sampleConnection(maxAgeMs === undefined ? {} : { offline: { maxAgeMs } });
    this.clock.moves = () => this.#finishSet();
  }

  /** Makes what the operator of Vault would. */
  async furnish(): Promise<void> {
    await this.admin("POST", "sys/mounts/kv", { type: "kv", options: { version: "2" } });
    await this.admin("POST", "sys/mounts/database", { type: "database" });
    await this.admin("POST", "sys/mounts/transit", { type: "transit" });
    await this.admin("POST", "sys/mounts/ssh", { type: "ssh" });
    await this.admin("POST", "ssh/config/ca", { generate_signing_key: true, key_type: "ed25519" });
    await this.admin("POST", "sys/auth/kubernetes", { type: "kubernetes" });
    await this.admin("POST", "auth/kubernetes/config", { kubernetes_host: "https://127.0.0.1:6443" });
    await this.admin("POST", "database/config/pg", {
      plugin_name: "postgresql-database-plugin",
      allowed_roles: "*",
      connection_url: "postgresql://db.example/app",
    });
    for (const tenant of tenants) {
      await this.admin("POST", `transit/keys/${tenant}`);
      await this.admin("POST", `ssh/roles/${tenant}`, { default_user: tenant, ttl: `${lives.certificate / second}s` });
      await this.admin("POST", `database/roles/${tenant}`, {
        db_name: "pg",
        creation_statements: ["CREATE ROLE"],
        default_ttl: `${lives.login / second}s`,
        max_ttl: `${lives.loginMax / second}s`,
      });
      await this.allowLogins(tenant, true);
    }
  }

  /** Clears what a sequence left behind: Vault is up, allows all logins, and holds no tokens or leases. */
  async reset(): Promise<void> {
    this.#life.abort();
    this.vault.node.status.sealed = false;
    this.vault.node.standing = "active";
    this.database.isDown = false;
    this.pods.clear();
    this.away.clear();
    this.#happenings = [];
    for (const tenant of tenants) {
      await this.allow(tenant, true);
      await this.allowLogins(tenant, true);
      this.writeSet(tenant);
    }
    for (const { id, accessor } of this.vault.cluster.tokens.all()) {
      if (id !== this.vault.rootToken) await this.admin("POST", "auth/token/revoke-accessor", { accessor });
    }
    this.#failedAt.clear();
    this.violations.length = 0;
    this.records = new RecordsInMemory();
    this.copies = new RecordsInMemory();
    this.copyLedger = new CopyLedger(this.connection.offline?.maxAgeMs ?? 0);
    this.kills = 0;
    this.start();
  }

  /** Whether Vault does what its administrator asks. */
  get reachable(): boolean {
    const { sealed, standing } = this.vault.node.status;
    return !sealed && standing === "active";
  }

  get database(): Database {
    return this.vault.databases[0]!;
  }

  /** The database's, once Vault has taken back the logins that ended: it does when something looks at its leases. */
  get users(): string[] {
    void this.vault.live;
    return this.database.users;
  }

  async admin(method: string, path: string, body: object = {}): Promise<void> {
    const headers = { "x-vault-token": this.vault.rootToken };
    const request = { at: this.clock.wall(), method, path, query: "", namespace: "", headers, body: {} };
    const { status } = await this.vault.node.ask(request, JSON.stringify(body));
    if (status >= 300) throw new Error(`the model's Vault answers ${status} to ${method} ${path}`);
  }

  /** What the tenant's set was last written with. */
  setOf(tenant: Tenant): string {
    return this.#sets.get(tenant) ?? "";
  }

  /**
   * The tenant's set is written, in either order. The second write comes before the time advances, and where `apart` is given,
   * at the latest when so many more requests have reached Vault.
   */
  writeSet(tenant: Tenant, { apart = 0, twinFirst = false } = {}): void {
    this.#finishSet();
    this.setChanges += 1;
    const text = `${tenant}'s ${(this.#setsWritten += 1)}`;
    const [first, second] = twinFirst ? (["twin", "note"] as const) : (["note", "twin"] as const);
    this.#sets.set(tenant, text);
    this.#put(pathOf(tenant, first), { [first]: text });
    this.#writeOther = () => this.#put(pathOf(tenant, second), { [second]: text });
    if (apart === 0) return this.#finishSet();
    const writeOther = this.#writeOther;
    this.happen(apart, () => this.#writeOther === writeOther && this.#finishSet());
  }

  /** The note loses the key that its file is made of. */
  takeKey(tenant: Tenant): void {
    this.setChanges += 1;
    this.#put(pathOf(tenant, "note"), { other: "x" });
  }

  #finishSet(): void {
    this.#writeOther?.();
    this.#writeOther = undefined;
  }

  /** As an administrator whose request has reached Vault before whatever happens to it next. */
  #put(path: string, data: Record<string, string>): void {
    const [mount = "", ...below] = path.split("/");
    const request = {
      operation: "update",
      path: below.join("/"),
      query: new URLSearchParams(),
      body: { data },
    } as const;
    const { mounts, tokens } = this.vault.cluster;
    const { namespace } = tokens.find(this.vault.rootToken)!;
    const { engine } = mounts.find((one) => one.path === `${mount}/`)!;
    void engine.handle({ ...request, mount: `${mount}/`, namespace, open: false });
  }

  /** Something happens once so many more requests have reached Vault, also in the middle of a Mount. */
  happen(after: number, act: () => void): void {
    this.#happenings.push({ after, act });
  }

  /** Nothing that was to happen will. */
  calmDown(): void {
    this.#finishSet();
    this.#happenings = [];
  }

  violated(error: unknown): void {
    this.violations.push(String(error));
  }

  #arrives(): void {
    for (const happening of this.#happenings) happening.after -= 1;
    const due = this.#happenings.filter(({ after }) => after < 0);
    this.#happenings = this.#happenings.filter(({ after }) => after >= 0);
    for (const { act } of due) act();
  }

  async allow(tenant: Tenant, allowed: boolean): Promise<void> {
    const others = ["database/creds", "transit/encrypt", "ssh/sign"].map((path) => `${path}/${tenant}`);
    const paths = [...setNames.map((name) => pathOf(tenant, name)), ...others];
    const rules = allowed ? paths.map((path) => `path "${path}" { capabilities = ["create", "read", "update"] }`) : [];
    await this.admin("POST", `sys/policies/acl/${tenant}`, { policy: rules.join("\n") });
  }

  /** The tenant's service account is deleted and made again: pods that come from now on are another account's. */
  recreateAccount(tenant: Tenant): void {
    this.#accounts.set(tenant, (this.#accounts.get(tenant) ?? 0) + 1);
  }

  async allowLogins(tenant: Tenant, allowed: boolean): Promise<void> {
    await this.admin("POST", `auth/kubernetes/role/${tenant}`, {
      bound_service_account_names: [allowed ? tenant : "another"],
      bound_service_account_namespaces: [tenant],
      audience: "vault",
      token_policies: [tenant],
      token_ttl: `${lives.token / second}s`,
      token_max_ttl: `${lives.tokenMax / second}s`,
    });
  }

  addPod(tenant: Tenant, contents: Contents): ModelPod {
    const uid = `uid-${(this.#uids += 1)}`;
    const principal = this.#principal(tenant, uid);
    const pod: ModelPod = {
      uid,
      tenant,
      contents,
      principal,
      spec: specOf(tenant, uid, contents),
      files: {},
      stale: [],
      madeBy: undefined,
    };
    this.pods.set(uid, pod);
    return pod;
  }

  /** A process takes up what the one before left. */
  start(): void {
    this.#begin();
    this.#takeUp();
  }

  /** The lock is lost, and taken again before another process has it. */
  loseLock(): void {
    this.credentials.state.close();
    this.credentials.copies.close();
    this.#takeUp();
  }

  /** The next process mounts a pod while this one still has the lock, and then takes over. No process is killed. */
  async upgrade(pod: ModelPod | undefined): Promise<void> {
    const [previous, previousLife, killed] = [this.credentials, this.#life, this.#death.promise];
    this.#begin();
    if (pod) await this.mount(pod);
    await Promise.race([written(previous), killed]).catch(() => undefined);
    previousLife.abort();
    this.#takeUp();
    await this.settle();
  }

  #begin(): void {
    this.#hasLock = false;
    this.#life = new AbortController();
    this.#death = death();
    this.#killIn = Infinity;
    const life = this.#life;
    const credentials = testCredentials({
      client: new InProcessVaultClient(this.vault.node, this.clock, {
        lives: () => !life.signal.aborted,
        arrives: () => this.#arrives(),
        isAway: (path) => this.away.has(path),
        passed: (operation, ok, subject) => {
          // What a killed process had under way, the next one does not know of.
          if (!life.signal.aborted) this.#checkRetryInterval(operation, ok, subject);
          return this.#passed(life);
        },
        answered: ({ pod }, path, answer) => {
          if (!life.signal.aborted) this.#noteAnswer(pod?.split("/").at(-1) ?? "", path, answer);
        },
      }),
      clock: this.clock,
      random: () => (this.#random = (this.#random * 16_807 + 0.37) % 1),
      lives: (uid) => this.pods.has(uid),
      credentialsRefused: () => (this.#hasLock ? undefined : new ProviderError("unavailable", "another has the lock")),
      lifetime: life.signal,
    });
    this.credentials = credentials;
  }

  #takeUp(): void {
    const { records, copies, credentials } = this;
    openState(credentials.state, this.#mortal(records), records.all(), [this.connection]);
    credentials.copies.open(this.#mortal(copies), copies.all(), [this.connection]);
    this.#hasLock = true;
    // Pods that went while no process ran.
    for (const { pod } of [...credentials.cache.volumes()])
      if (pod && !this.pods.has(pod.uid)) credentials.cache.forgetPod(pod.uid);
  }

  /** A store that this process may be killed at before it writes. */
  #mortal(records: RecordsInMemory): CopyStore {
    const life = this.#life;
    return {
      read: (id) => records.read(id),
      write: async (id, payload) => {
        await this.#passed(life);
        return records.write(id, payload);
      },
      remove: async (id) => {
        await this.#passed(life);
        return records.remove(id);
      },
      abandon: () => {},
    };
  }

  /** The process is killed after so many more requests and writes; nothing it does after that happens. */
  killIn(steps: number): void {
    this.#killIn = steps;
  }

  /** A stop signal: the process writes its pending records, unless it is killed meanwhile. */
  async restart(): Promise<void> {
    await Promise.race([written(this.credentials), this.#death.promise]).catch(() => undefined);
    this.#life.abort();
    this.start();
    await this.settle();
  }

  /** Called when Vault has carried something out, and before a record is written. */
  async #passed(life: AbortController): Promise<void> {
    if (!life.signal.aborted) {
      this.#killIn -= 1;
      if (this.#killIn >= 0) return;
      this.kills += 1;
      this.#failedAt.clear(); // The next process does not know what this one tried last.
      this.copyLedger.killed();
      life.abort();
      this.#death.die();
    }
    return never();
  }

  /** The same background request is not retried within a second of its failure. */
  #checkRetryInterval({ kind }: Operation, ok: boolean, subject: string): void {
    if (kind !== "renew" && kind !== "revoke") return;
    const now = this.clock.monotonic();
    const key = `${kind} ${subject}`;
    if (now - (this.#failedAt.get(key) ?? -Infinity) < second)
      this.violations.push(`${kind} was tried again within a second`);
    if (ok) this.#failedAt.delete(key);
    else this.#failedAt.set(key, now);
  }

  /** One Mount as the driver sends it; returns its error, if there is one. A killed process is restarted. */
  async mount(pod: ModelPod): Promise<ProviderError | undefined> {
    const { credentials, kills } = this;
    const refusals: [VaultRequest, ProviderError][] = [];
    this.setChanges = this.#writeOther ? 1 : 0;
    let delivered: string[] | undefined;
    try {
      const parts = {
        answers: watched(credentials.source, (request, answered) => {
          const error = "error" in answered ? answered.error : answered.staleReason;
          if (error && !this.#seen.has(error)) refusals.push([request, error]);
          if (error) this.#seen.add(error);
        }),
        renderer: inProcessRenderer,
        clock: this.clock,
        scheduler,
        versionKey,
        responseBytes: 1 << 20,
      };
      const signal = new AbortController().signal;
      const volume = await Promise.race([mountVolume(pod.spec, pod.principal, parts, signal), this.#death.promise]);
      pod.files = Object.fromEntries(volume.files.map(({ path, contents }) => [path, contents.reveal().toString()]));
      pod.stale = volume.stale;
      if (!volume.stale.some(isOfSet)) delivered = setNames.map((name) => pod.files[name]!);
      pod.madeBy = volume.stale.some(({ copyAgeMs }) => copyAgeMs !== undefined) ? undefined : credentials;
      return undefined;
    } catch (error) {
      if (!(error instanceof Killed)) return ProviderError.from(error);
      this.start();
      return new ProviderError("unavailable", "the process was killed");
    } finally {
      await this.settle();
      this.mountedAt = this.clock.monotonic();
      this.clock.advance(1); // No two Mounts are of one moment.
      this.wasKilled = this.kills > kills;
      if (!this.wasKilled) {
        const { accountKey: account } = pod.principal;
        this.copyLedger.mounted({ account, hasDirectory: this.#hasLock, ...(delivered && { delivered }) });
        for (const [{ path }, error] of refusals) this.copyLedger.refused(pod.principal.accountKey, path, error);
      }
    }
  }

  /** A remembered failure is seen once. */
  readonly #seen = new WeakSet<ProviderError>();

  #noteAnswer(uid: string, path: string, { body, requestedAt: at }: VaultAnswer): void {
    const pod = this.pods.get(uid);
    const content = (body.reveal() as { data?: { data?: Record<string, string> } } | null)?.data?.data;
    if (!pod || !content) return;
    this.copyLedger.answered(pod.principal.accountKey, path, { at, text: content["note"] ?? content["twin"] ?? "" });
  }

  /** The pod's end is known. */
  async forget(pod: ModelPod): Promise<void> {
    this.pods.delete(pod.uid);
    this.credentials.cache.forgetPod(pod.uid);
    await this.settle();
  }

  /** Advances the time; what becomes due on the way happens when it is due. */
  async pass(ms: number): Promise<void> {
    const until = this.clock.monotonic() + ms;
    while (this.clock.monotonic() < until) {
      const now = this.clock.monotonic();
      const next = Math.min(until, Math.max(now + second, this.#nextDue(now)));
      this.clock.advance(next - now);
      await this.tick();
    }
  }

  async tick(): Promise<void> {
    const life = this.#life;
    this.credentials.copies.sweep();
    this.credentials.tokens.revokeLeaving();
    this.credentials.renewalLoop.tick(life.signal);
    await this.settle();
    if (life.signal.aborted) {
      this.start();
      await this.settle();
    }
  }

  #nextDue(now: number): number {
    const { cache, tokens } = this.credentials;
    const due = [
      ...[...tokens.current()].map(tokenRenewalAt),
      ...[...cache.entries()].map(({ answer }) => (answer ? leaseRenewalAt(answer) : Infinity)),
      ...tokens
        .all()
        .filter(({ state }) => state === "leaving")
        .map(({ retryAt }) => retryAt),
    ].filter((at) => at > now);
    return due.reduce((soonest, at) => Math.min(soonest, at), now + 6 * hour);
  }

  /** Lets everything that needs no time run out. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
  }

  #principal(tenant: Tenant, uid: string): Principal {
    const auth = { vaultNamespace: "", authMount: "kubernetes", role: tenant, audience: "vault" };
    const serviceAccountUid = `${tenant}-${this.#accounts.get(tenant) ?? 0}`;
    const account = { namespace: tenant, serviceAccount: tenant, serviceAccountUid };
    const owner = { connection: this.connection.name, ...auth, ...account, podUid: uid };
    const jwt = this.vault.mintServiceAccountToken({
      ...account,
      pod: { name: uid, uid },
      audiences: ["vault"],
      seconds: 1e9,
    });
    return {
      ...auth,
      pod: { namespace: tenant, name: uid, uid, serviceAccount: tenant },
      connection: this.connection,
      jwt: new Redacted(jwt),
      ownerKey: ownerKey(owner),
      accountKey: accountKey(owner, "model"),
      mayStartOffline: true,
      volumeKey: `/pods/${uid}/volumes/kubernetes.io~csi/secrets/mount`,
      podVolume: true,
    };
  }
}

const publicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICeqhyBMKt29ftpLKCbS4ZxHO1aJOIaRRd28+IZvz0D/";
const scheduler = new EventLoopScheduler(new FakeClock());
const versionKey = () => Promise.resolve(new Redacted(Buffer.alloc(32, 1)));

/** The same class for every pod of a tenant that has the same contents. */
function specOf(tenant: Tenant, uid: string, contents: Contents): MountSpec {
  const object = (
    objectName: string,
    key: string,
    request: ObjectSpec["request"],
    refreshIntervalMs = 2 * minute,
  ): ObjectSpec => ({ objectName, request, secretKey: { key }, encoding: "utf-8", refreshIntervalMs });
  const get = (path: string) => ({ method: "GET", path, query: "" }) as const;
  const put = (path: string, args: object) =>
    ({ method: "PUT", path, query: "", args: new Redacted(JSON.stringify(args)) }) as const;
  const login = get(`database/creds/${tenant}`);
  const set = [
    object("note", "note", get(pathOf(tenant, "note"))),
    object("twin", "twin", get(pathOf(tenant, "twin")), 5 * minute),
  ];
  const logins = [object("user", "username", login), object("password", "password", login)];
  const issued = [
    object("made", "ciphertext", put(`transit/encrypt/${tenant}`, { plaintext: "aGk=" })),
    object("certificate", "signed_key", put(`ssh/sign/${tenant}`, { public_key: publicKey })),
  ];
  return {
    pod: { namespace: tenant, name: uid, uid, serviceAccount: tenant },
    class: {
      roleName: tenant,
      onDenied: "keep",
      objects: {
        everything: [...logins, ...set, ...issued],
        "login and set": [...logins, ...set],
        set,
      }[contents],
      overruled: [],
      unknown: [],
    },
    tokens: new Map(),
    targetPath: `/pods/${uid}`,
    defaultMode: 0o644,
    parametersDigest: "",
  };
}

/** Tells what came of each request. */
function watched(source: SecretSource, seen: (request: VaultRequest, answered: Answered) => void): SecretSource {
  return {
    begin: (principal) => {
      const transaction = source.begin(principal);
      const read = transaction.read.bind(transaction);
      transaction.read = async (...asked) => {
        const answers = await read(...asked);
        for (const [{ request }, answered] of answers) seen(request, answered);
        return answers;
      };
      return transaction;
    },
  };
}

/** Resolves when what the process knows is in its records. */
async function written({ journal, copies }: Credentials): Promise<void> {
  await Promise.all([journal.settled(), copies.settled()]);
}

function never(): Promise<never> {
  return new Promise<never>(() => {});
}

function death() {
  let die = () => {};
  const promise = new Promise<never>((_, reject) => (die = () => reject(new Killed())));
  promise.catch(() => undefined); // Most processes are never killed.
  return { promise, die };
}
