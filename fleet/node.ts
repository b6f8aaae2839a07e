import { setMaxListeners } from "node:events";
import { sampleConnection } from "../dev/testing/connection.js";
import { testCredentials } from "../dev/testing/test-credentials.js";
import type { Credentials } from "../src/leases/credentials.js";
import type { Connection } from "../src/config/connection.js";
import { accountKey, ownerKey } from "../src/mount/owner-key.js";
import type { Fetch, Principal } from "../src/mount/ports.js";
import type { Random } from "../src/shared/random.js";
import { Redacted } from "../src/shared/redacted.js";
import { createVaultClient } from "../src/vault/create-vault-client.js";
import { CredentialPaths } from "../src/vault/credential-paths.js";
import type { CountingVault } from "./counting-vault.js";
import type { VirtualClock } from "./virtual-clock.js";

const second = 1_000;

/** What each pod's class asks for. */
export interface Workload {
  podsPerNode: number;
  /** KV secrets of a pod, each in a path of its own. */
  objects: number;
  /** Of this share of the pods: one database login more. */
  leased: number;
  refreshIntervalMs: number;
  /** `limits.inFlight` of the connection. */
  inFlight: number;
}

const namespaces = 8;
/** The kubelet's between two publishes of a volume with `requiresRepublish`: its sync loop of a minute, and its jitter. */
const [republishMs, republishJitterMs] = [60 * second, 30 * second];
/** The kubelet's after a failed mount (`exponentialbackoff`): doubled up to this. */
const [firstBackoffMs, longestBackoffMs] = [500, 122 * second];
/** As `rpc/unary.ts`. */
const mountMs = 90 * second;
/** A pod's containers start one after another. */
const startingMs = 20 * second;
/** As `daemon/pod-reaper.ts`. */
const graceMs = 30 * second;

/** One node: its kubelet's publishing of volumes, and keymount's own core; all but disk and network is real. */
export class FleetNode {
  readonly #clock: VirtualClock;
  readonly #vault: CountingVault;
  readonly #workload: Workload;
  readonly #random: Random;
  readonly #name: string;
  #credentials!: Credentials;
  #life = new AbortController();
  #pods = new Map<string, AbortController>();
  #started = 0;

  constructor(name: string, clock: VirtualClock, vault: CountingVault, workload: Workload, random: Random) {
    this.#name = name;
    this.#clock = clock;
    this.#vault = vault;
    this.#workload = workload;
    this.#random = random;
    this.#start();
  }

  /** The node's pods are started within `withinMs`. */
  startPods(withinMs: number): void {
    for (let n = 0; n < this.#workload.podsPerNode; n += 1) this.#startPod(n, this.#random() * withinMs);
  }

  /** The power fails, and is back after `awayMs`: pods start all over, of keymount nothing is left. */
  async reboot(awayMs: number): Promise<void> {
    this.#life.abort(new Error("the node is off"));
    this.#pods.clear();
    await this.#clock.sleep(awayMs);
    this.#start();
    this.startPods(startingMs);
  }

  /** Its pods are evicted, and others take their places, once it is back. */
  async drain(awayMs: number): Promise<void> {
    const evicted = [...this.#pods];
    for (const [, life] of evicted) life.abort(new Error("the pod is gone"));
    this.#pods.clear();
    await this.#clock.sleep(graceMs);
    for (const [uid] of evicted) this.#credentials.cache.forgetPod(uid);
    await this.#clock.sleep(awayMs);
    this.startPods(startingMs);
  }

  #start(): void {
    const nodes = (connection: Connection) => this.#vault.nodes(connection);
    const [clock, random, life] = [this.#clock, this.#random, new AbortController()];
    const paths = new CredentialPaths();
    const client = createVaultClient({ clock, random, paths, emit: () => {}, nodes });
    setMaxListeners(0, life.signal);
    this.#life = life;
    const lives = (uid: string) => this.#pods.has(uid);
    this.#credentials = testCredentials({ client, clock, random, paths, lives, lifetime: life.signal });
    void this.#work(this.#credentials, life.signal);
  }

  /** As the daemon does every second. */
  async #work({ tokens, renewalLoop }: Credentials, life: AbortSignal): Promise<void> {
    await this.#clock.sleep(this.#random() * second);
    for (let seconds = 0; !life.aborted; seconds += 1) {
      tokens.revokeLeaving();
      renewalLoop.tick(life);
      if (seconds % 60 === 0) tokens.sweep();
      await this.#clock.sleep(second);
    }
  }

  #startPod(number: number, inMs: number): void {
    const uid = `${this.#name}-${(this.#started += 1)}`;
    const life = new AbortController();
    this.#life.signal.addEventListener("abort", () => life.abort(this.#life.signal.reason));
    this.#pods.set(uid, life);
    const principal = principalOf(uid, `ns-${number % namespaces}`, this.#workload.inFlight);
    const fetches = fetchesOf(number, this.#workload);
    void this.#publish(principal, fetches, inMs, life.signal).catch(() => undefined); // The pod is gone.
  }

  async #publish(principal: Principal, fetches: Fetch[], inMs: number, life: AbortSignal): Promise<void> {
    await this.#clock.sleep(inMs, life);
    for (let failures = 0; !(await this.#mount(principal, fetches, life)); failures += 1) {
      await this.#clock.sleep(Math.min(longestBackoffMs, firstBackoffMs * 2 ** failures), life);
    }
    for (;;) {
      await this.#clock.sleep(republishMs + republishJitterMs * this.#random(), life);
      await this.#mount(principal, fetches, life);
    }
  }

  /** Whether every object has an answer. */
  async #mount(principal: Principal, fetches: Fetch[], life: AbortSignal): Promise<boolean> {
    const ending = new AbortController();
    const end = () => ending.abort(life.aborted ? life.reason : new Error("the Mount took too long"));
    life.addEventListener("abort", end, { once: true });
    const deadline = this.#clock.timer(mountMs, end);
    const transaction = this.#credentials.source.begin(principal);
    try {
      const answers = await transaction.read(fetches, "keep", ending.signal);
      if ([...answers.values()].some((answer) => "error" in answer)) return false;
      transaction.commit("");
      return true;
    } catch {
      life.throwIfAborted();
      return false;
    } finally {
      transaction.end();
      deadline.close();
      life.removeEventListener("abort", end);
    }
  }
}

function principalOf(uid: string, namespace: string, inFlight: number): Principal {
  const sample = sampleConnection();
  const connection = { ...sample, limits: { ...sample.limits, inFlight } };
  const auth = { vaultNamespace: "", authMount: "kubernetes", role: namespace, audience: "vault" };
  const owner = {
    connection: connection.name,
    ...auth,
    namespace,
    serviceAccount: "app",
    serviceAccountUid: namespace,
    podUid: uid,
  };
  return {
    ...auth,
    pod: { namespace, name: uid, uid, serviceAccount: "app" },
    connection,
    jwt: new Redacted("jwt"),
    ownerKey: ownerKey(owner),
    accountKey: accountKey(owner, "fleet"),
    mayStartOffline: false,
    volumeKey: `/pods/${uid}/volumes/kubernetes.io~csi/secrets/mount`,
    podVolume: true,
  };
}

function fetchesOf(number: number, { podsPerNode, objects, leased, refreshIntervalMs }: Workload): Fetch[] {
  const fetch = (path: string): Fetch => ({
    request: { method: "GET", path, query: "" },
    options: { refreshIntervalMs },
  });
  const secrets = Array.from({ length: objects }, (_, n) => fetch(`secret/data/app/${n}`));
  return number < leased * podsPerNode ? [...secrets, fetch("database/creds/app")] : secrets;
}
