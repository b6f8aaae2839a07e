import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { ProviderError } from "../shared/errors.js";
import { Redacted } from "../shared/redacted.js";
import { ClusterKey, type KeyOrigin } from "./cluster-key.js";

const keyOf = (fill: number) => new Redacted(Buffer.alloc(32, fill));

/** A cluster's one Secret, as an API server holds it. */
class Cluster {
  readonly clock = new FakeClock();
  /** The byte that fills the key. */
  key: number | undefined;
  away = false;
  mayCreate = true;
  reads = 0;
  #made = 100;
  #outages = 0;
  #watches = new Set<(key: number | undefined) => void>();

  set(key: number | undefined): void {
    this.key = key;
    if (!this.away) this.#watches.forEach((tell) => tell(key));
  }

  /** All watches break. */
  leave(): void {
    this.away = true;
    this.#outages += 1;
  }

  origin(): KeyOrigin {
    return {
      changes: (signal) => this.#changes(signal),
      restore: () => {
        this.#refuseIfAway();
        if (this.key === undefined && !this.mayCreate) throw new ProviderError("permission_denied", "may not create");
        if (this.key === undefined) this.set((this.#made += 1));
        return Promise.resolve(keyOf(this.key!));
      },
    };
  }

  async *#changes(signal: AbortSignal) {
    this.#refuseIfAway();
    this.reads += 1;
    const outages = this.#outages;
    const waiting: (number | undefined)[] = [this.key];
    let wake = () => {};
    const tell = (key: number | undefined) => {
      waiting.push(key);
      wake();
    };
    this.#watches.add(tell);
    try {
      for (;;) {
        while (waiting.length > 0) {
          const key = waiting.shift();
          yield key === undefined ? undefined : keyOf(key);
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
          void this.clock.sleep(30_000, signal).then(resolve, resolve);
        });
        signal.throwIfAborted();
        if (this.#outages > outages) throw new ProviderError("unavailable", "the watch broke");
      }
    } finally {
      this.#watches.delete(tell);
    }
  }

  #refuseIfAway(): void {
    if (this.away) throw new ProviderError("unavailable", "the API is away");
  }
}

/** A node that has started: it has the cluster's key. */
async function startNode(cluster: Cluster) {
  const told: string[] = [];
  const life = new AbortController();
  const origin = cluster.origin();
  const key = new ClusterKey({
    key: await origin.restore(life.signal),
    origin,
    clock: cluster.clock,
    random: () => 0.5,
    emit: ({ kind }) => void told.push(kind),
    lifetime: life.signal,
  });
  const running = key.run();
  const stop = async () => {
    life.abort(new Error("stopped"));
    await running;
  };
  onTestFinished(stop);
  await settle(cluster);
  return { key, told, stop, fill: () => key.current.reveal()[0] };
}

const settle = (cluster: Cluster) => cluster.clock.advance(0);

test("a deleted key is made again at a Mount, and every node has the new one", async () => {
  const cluster = new Cluster();
  const nodes = [await startNode(cluster), await startNode(cluster), await startNode(cluster)];
  expect(nodes.map(({ fill }) => fill())).toEqual([101, 101, 101]);
  const before = await nodes[0]!.key.versionKey();
  cluster.set(undefined);
  await settle(cluster);
  expect(cluster.key).toBeUndefined();
  expect(nodes.map(({ fill }) => fill())).toEqual([101, 101, 101]);
  const after = await Promise.all(nodes.map(({ key }) => key.versionKey()));
  expect(cluster.key).toBe(102);
  expect(new Set(after.map((key) => key.reveal().toString("hex"))).size).toBe(1);
  expect(after[0]!.reveal()).not.toEqual(before.reveal());
  await settle(cluster);
  for (const { told } of nodes) expect(told).toEqual(["clusterKeyDeleted", "clusterKeyChanged"]);
});

test("an administrator's key is adopted by every node, and a Secret that stays the same changes nothing", async () => {
  const cluster = new Cluster();
  const nodes = [await startNode(cluster), await startNode(cluster)];
  const before = await nodes[0]!.key.versionKey();
  cluster.set(cluster.key);
  await settle(cluster);
  expect(await nodes[0]!.key.versionKey()).toBe(before);
  cluster.set(7);
  await settle(cluster);
  expect(nodes.map(({ fill, told }) => [fill(), told])).toEqual([
    [7, ["clusterKeyChanged"]],
    [7, ["clusterKeyChanged"]],
  ]);
});

test.each([
  ["the API server is away", (cluster: Cluster) => cluster.leave()],
  ["the Secret may not be made", (cluster: Cluster) => void (cluster.mayCreate = false)],
])("a deleted key stays in use while %s, which is told once, and is tried again", async (_what, break_) => {
  const cluster = new Cluster();
  const node = await startNode(cluster);
  cluster.set(undefined);
  await settle(cluster);
  break_(cluster);
  for (let mounts = 0; mounts < 5; mounts += 1) await node.key.versionKey();
  expect(node.fill()).toBe(101);
  expect(node.told).toEqual(["clusterKeyDeleted", "clusterKeyUnreadable"]);
  Object.assign(cluster, { away: false, mayCreate: true });
  await cluster.clock.advance(10_000);
  await node.key.versionKey();
  expect(node.fill()).toBe(102);
  expect(cluster.key).toBe(102);
});

test("a key whose change was not told yet is read from its origin, which makes none where it was deleted", async () => {
  const cluster = new Cluster();
  const { key, told, fill } = await startNode(cluster);
  const readAgain = async () => {
    const read = await key.readAgain(new AbortController().signal);
    expect(read).toBe(key.current);
    return fill();
  };
  const before = key.current;
  expect(await readAgain()).toBe(101);
  expect(key.current).toBe(before);
  cluster.key = 7;
  expect(await readAgain()).toBe(7);
  cluster.key = undefined;
  expect(await readAgain()).toBe(7);
  expect([cluster.key, told]).toEqual([undefined, ["clusterKeyChanged", "clusterKeyDeleted"]]);
  cluster.away = true;
  await expect(readAgain()).rejects.toThrow("the API is away");
  expect(fill()).toBe(7);
});

test("Mounts ask the API server nothing while the key is there", async () => {
  const cluster = new Cluster();
  const node = await startNode(cluster);
  for (let mounts = 0; mounts < 100; mounts += 1) await node.key.versionKey();
  expect(cluster.reads).toBe(1);
});

test("a Mount waits two seconds at most for a key to be made", async () => {
  const cluster = new Cluster();
  const origin = cluster.origin();
  const life = new AbortController();
  const hanging = { ...origin, restore: () => new Promise<never>(() => {}) };
  const parts = { clock: cluster.clock, random: () => 0.5, emit: () => {}, lifetime: life.signal };
  const key = new ClusterKey({ ...parts, key: keyOf(1), origin: hanging });
  const running = key.run();
  await settle(cluster);
  const versionKey = key.versionKey();
  await cluster.clock.advance(2_000);
  await versionKey;
  expect(key.current.reveal()).toEqual(keyOf(1).reveal());
  life.abort();
  await running;
});

test("whatever happens to the Secret, the API server and the nodes, all nodes end with the key that the cluster has", async () => {
  const event = fc.oneof(
    { weight: 2, arbitrary: fc.constant({ what: "delete" as const, n: 0 }) },
    { weight: 2, arbitrary: fc.record({ what: fc.constant("replace" as const), n: fc.integer({ min: 1, max: 4 }) }) },
    { weight: 3, arbitrary: fc.record({ what: fc.constant("mount" as const), n: fc.nat(2) }) },
    { weight: 2, arbitrary: fc.record({ what: fc.constant("restart" as const), n: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.constantFrom({ what: "leave" as const, n: 0 }, { what: "come" as const, n: 0 }) },
    {
      weight: 2,
      arbitrary: fc.record({ what: fc.constant("wait" as const), n: fc.integer({ min: 0, max: 100_000 }) }),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 20 }), async (events) => {
      const cluster = new Cluster();
      const nodes = [await startNode(cluster), await startNode(cluster), await startNode(cluster)];
      for (const { what, n } of events) {
        if (what === "delete") cluster.set(undefined);
        else if (what === "replace") cluster.set(n);
        else if (what === "mount") await nodes[n]!.key.versionKey();
        else if (what === "leave") cluster.leave();
        else if (what === "come") cluster.away = false;
        else if (what === "wait") await cluster.clock.advance(n);
        else if (!cluster.away) {
          await nodes[n]!.stop();
          nodes[n] = await startNode(cluster);
        }
      }
      cluster.away = false;
      await cluster.clock.advance(90_000 + 30_000);
      for (const { key } of nodes) await key.versionKey();
      await settle(cluster);
      const fills = nodes.map(({ fill }) => fill());
      expect(cluster.key).toBeDefined();
      expect(fills).toEqual(fills.map(() => cluster.key));
      for (const { stop } of nodes) await stop();
    }),
    { numRuns: 100 },
  );
});
