import { inject } from "vitest";
import { inProcessRenderer } from "../in-process-renderer.js";
import type { Connection } from "../../../src/config/connection.js";
import { Database } from "../../vault/database.js";
import { DevVault } from "../../vault/dev-vault.js";
import { leaseRenewalAt } from "../../../src/leases/cached-secret.js";
import type { Credentials } from "../../../src/leases/credentials.js";
import { mountVolume } from "../../../src/mount/mount-volume.js";
import type { MountSpec, ObjectSpec } from "../../../src/mount/mount-spec.js";
import type { Principal } from "../../../src/mount/ports.js";
import { accountKey, ownerKey } from "../../../src/mount/owner-key.js";
import { ProviderError } from "../../../src/shared/errors.js";
import { EventLoopScheduler } from "../../../src/shared/event-loop-scheduler.js";
import { Redacted } from "../../../src/shared/redacted.js";
import type { Operation } from "../../../src/vault/operation.js";
import { tokenRenewalAt } from "../../../src/vault/stored-token.js";
import { sampleConnection } from "../connection.js";
import { RecordsInMemory } from "../records-in-memory.js";
import { testCredentials } from "../test-credentials.js";
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

export interface ModelPod {
  readonly uid: string;
  readonly tenant: Tenant;
  readonly jwt: string;
  /** What its volume shows: file → text; nothing before the first Mount. */
  files: Readonly<Record<string, string>>;
  mountedAt: number;
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
  readonly connection: Connection = sampleConnection();
  readonly pods = new Map<string, ModelPod>();
  /** How often a process was killed. */
  kills = 0;
  records = new RecordsInMemory();
  credentials!: Credentials;
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
      await this.admin("POST", `auth/kubernetes/role/${tenant}`, {
        bound_service_account_names: [tenant],
        bound_service_account_namespaces: [tenant],
        audience: "vault",
        token_policies: [tenant],
        token_ttl: `${lives.token / second}s`,
        token_max_ttl: `${lives.tokenMax / second}s`,
      });
    }
  }

  /** Clears what a sequence left behind: Vault is up, allows all logins, and holds no tokens or leases. */
  async reset(): Promise<void> {
    this.#life.abort();
    this.vault.node.status.sealed = false;
    this.vault.node.standing = "active";
    this.database.isDown = false;
    this.pods.clear();
    for (const tenant of tenants) {
      await this.allow(tenant, true);
      await this.writeNote(tenant, { note: `${tenant}'s first` });
    }
    for (const { id, accessor } of this.vault.cluster.tokens.all()) {
      if (id !== this.vault.rootToken) await this.admin("POST", "auth/token/revoke-accessor", { accessor });
    }
    this.#failedAt.clear();
    this.violations.length = 0;
    this.records = new RecordsInMemory();
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

  async admin(method: string, path: string, body: object = {}): Promise<void> {
    const headers = { "x-vault-token": this.vault.rootToken };
    const request = { at: this.clock.wall(), method, path, query: "", namespace: "", headers, body: {} };
    const { status } = await this.vault.node.ask(request, JSON.stringify(body));
    if (status >= 300) throw new Error(`the model's Vault answers ${status} to ${method} ${path}`);
  }

  async writeNote(tenant: Tenant, data: object): Promise<void> {
    await this.admin("POST", `kv/data/${tenant}`, { data });
  }

  async allow(tenant: Tenant, allowed: boolean): Promise<void> {
    const paths = ["kv/data", "database/creds", "transit/encrypt", "ssh/sign"].map((path) => `${path}/${tenant}`);
    const rules = allowed ? paths.map((path) => `path "${path}" { capabilities = ["create", "read", "update"] }`) : [];
    await this.admin("POST", `sys/policies/acl/${tenant}`, { policy: rules.join("\n") });
  }

  addPod(tenant: Tenant): ModelPod {
    const uid = `uid-${(this.#uids += 1)}`;
    const jwt = this.vault.mintServiceAccountToken({
      namespace: tenant,
      serviceAccount: tenant,
      pod: { name: uid, uid },
      audiences: ["vault"],
      seconds: 1e9,
    });
    const pod: ModelPod = { uid, tenant, jwt, files: {}, mountedAt: -Infinity };
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
    this.#takeUp();
  }

  /** The next process mounts a pod while this one still has the lock, and then takes over. No process is killed. */
  async upgrade(pod: ModelPod | undefined): Promise<void> {
    const [previous, previousLife, killed] = [this.credentials, this.#life, this.#death.promise];
    this.#begin();
    if (pod) await this.mount(pod);
    await Promise.race([previous.journal.settled(), killed]).catch(() => undefined);
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
      client: new InProcessVaultClient(
        this.vault.node,
        this.clock,
        () => !life.signal.aborted,
        (operation, ok, subject) => {
          this.#checkRetryInterval(operation, ok, subject);
          return this.#passed(life);
        },
      ),
      clock: this.clock,
      random: () => (this.#random = (this.#random * 16_807 + 0.37) % 1),
      lives: (uid) => this.pods.has(uid),
      credentialsRefused: () => (this.#hasLock ? undefined : new ProviderError("unavailable", "another has the lock")),
      lifetime: life.signal,
    });
    this.credentials = credentials;
  }

  #takeUp(): void {
    const { records, credentials } = this;
    const life = this.#life;
    const store = {
      write: async (id: string, payload: Redacted<Buffer>) => {
        await this.#passed(life);
        return records.write(id, payload);
      },
      remove: async (id: string) => {
        await this.#passed(life);
        return records.remove(id);
      },
      abandon: () => {},
    };
    credentials.state.open(store, records.all(), [this.connection]);
    this.#hasLock = true;
    // Pods that went while no process ran.
    for (const { pod } of [...credentials.cache.volumes()])
      if (pod && !this.pods.has(pod.uid)) credentials.cache.forgetPod(pod.uid);
  }

  /** The process is killed after so many more requests and writes; nothing it does after that happens. */
  killIn(steps: number): void {
    this.#killIn = steps;
  }

  /** A stop signal: the process writes its pending records, unless it is killed meanwhile. */
  async restart(): Promise<void> {
    await Promise.race([this.credentials.journal.settled(), this.#death.promise]).catch(() => undefined);
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
    try {
      const spec = specOf(pod);
      const parts = {
        answers: this.credentials.source,
        renderer: inProcessRenderer,
        clock: this.clock,
        scheduler: new EventLoopScheduler(),
        versionKey: () => Promise.resolve(new Redacted(Buffer.alloc(32, 1))),
        responseBytes: 1 << 20,
      };
      const signal = new AbortController().signal;
      const volume = await Promise.race([mountVolume(spec, this.#principal(pod), parts, signal), this.#death.promise]);
      await this.settle();
      pod.files = Object.fromEntries(volume.files.map(({ path, contents }) => [path, contents.reveal().toString()]));
      pod.mountedAt = this.clock.monotonic();
      return undefined;
    } catch (error) {
      if (!(error instanceof Killed)) return ProviderError.from(error);
      this.start();
      await this.settle();
      return new ProviderError("unavailable", "the process was killed");
    }
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

  #principal({ tenant, uid, jwt }: ModelPod): Principal {
    const auth = { vaultNamespace: "", authMount: "kubernetes", role: tenant, audience: "vault" };
    const account = { namespace: tenant, serviceAccount: tenant, serviceAccountUid: tenant };
    const owner = { connection: this.connection.name, ...auth, ...account, podUid: uid };
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

/** The same class for every pod of a tenant: a login in two files, a note, something made once, and a certificate that ends. */
function specOf({ tenant, uid }: ModelPod): MountSpec {
  const object = (objectName: string, key: string, request: ObjectSpec["request"]): ObjectSpec => ({
    objectName,
    request,
    secretKey: { key },
    encoding: "utf-8",
    refreshIntervalMs: 2 * minute,
  });
  const login = { method: "GET", path: `database/creds/${tenant}`, query: "" } as const;
  const made = {
    method: "PUT",
    path: `transit/encrypt/${tenant}`,
    query: "",
    args: new Redacted('{"plaintext":"aGk="}'),
  } as const;
  const signed = {
    method: "PUT",
    path: `ssh/sign/${tenant}`,
    query: "",
    args: new Redacted(JSON.stringify({ public_key: publicKey })),
  } as const;
  return {
    pod: { namespace: tenant, name: uid, uid, serviceAccount: tenant },
    class: {
      roleName: tenant,
      onDenied: "keep",
      objects: [
        object("user", "username", login),
        object("password", "password", login),
        object("note", "note", { method: "GET", path: `kv/data/${tenant}`, query: "" }),
        object("made", "ciphertext", made),
        object("certificate", "signed_key", signed),
      ],
      overruled: [],
      unknown: [],
    },
    tokens: new Map(),
    targetPath: `/pods/${uid}`,
    defaultMode: 0o644,
    parametersDigest: "",
  };
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
