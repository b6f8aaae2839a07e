import { setMaxListeners } from "node:events";
import { beforeEach, describe, expect, test } from "vitest";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { ConcurrencyLimiter, type Slot } from "./concurrency-limiter.js";

const never = new AbortController().signal;
setMaxListeners(0, never);
let clock: FakeClock;
let limiter: ConcurrencyLimiter;
/** What runs now, in the order in which it began. */
let running: Map<string, () => void>;

beforeEach(() => {
  clock = new FakeClock();
  running = new Map();
});

const limit = (inFlight: number, logins: number, capacity?: number) => {
  limiter = new ConcurrencyLimiter({ inFlight, logins }, clock, capacity);
};

/** `shop:1` is a read for the namespace shop. */
function run(name: string, change: Partial<Slot> = {}, signal = never): Promise<string> {
  const work = (ends: AbortSignal) =>
    new Promise<string>((resolve, reject) => {
      running.set(name, () => (running.delete(name), resolve("done")));
      ends.addEventListener("abort", () => (running.delete(name), reject(ends.reason as Error)));
    });
  const slot: Slot = {
    namespace: name.split(":")[0]!,
    priority: "first-mount",
    engine: "secret",
    kind: "read",
    ...change,
  };
  const outcome = limiter.run(slot, work, () => "cut", signal);
  outcome.catch(() => {});
  return outcome;
}
function runAll(names: readonly string[], change: Partial<Slot> = {}): Promise<string>[] {
  return names.map((name) => run(name, change));
}
/** So many logins together, which take so long. */
async function logIn(many: number, ms: number): Promise<void> {
  const names = Array.from({ length: many }, (_, n) => `n${n}:login`);
  const logins = names.map((name) => run(name, { kind: "login" }));
  await settled();
  await clock.advance(ms);
  for (const name of names) running.get(name)!();
  await Promise.all(logins);
}
const numbered = (namespace: string, many: number) => Array.from({ length: many }, (_, n) => `${namespace}:${n}`);
const settled = () => clock.advance(0);
const now = () => [...running.keys()];

describe("what runs at once", () => {
  test("is so much, and the next when one has finished", async () => {
    limit(2, 1);
    const [first] = runAll(["a:1", "b:1", "c:1"]);
    await settled();
    expect([now(), limiter.load]).toEqual([["a:1", "b:1"], { inFlight: 2, waiting: 1 }]);
    running.get("a:1")!();
    expect(await first).toBe("done");
    await settled();
    expect(now()).toEqual(["b:1", "c:1"]);
  });

  test.each([
    [1, 1],
    [2, 1],
    [3, 2],
    [4, 3],
    [16, 12],
  ])("of %i slots is %i for one namespace while no other has one", async (inFlight, most) => {
    limit(inFlight, 1);
    void runAll(numbered("a", 20));
    await settled();
    expect(now()).toEqual(numbered("a", most));
  });

  test.each([
    [5, 3],
    [8, 4],
  ])("of %i slots is %i for one namespace beside another, however much is free", async (inFlight, most) => {
    limit(inFlight, 8);
    void run("b:0");
    void runAll(numbered("a", 20));
    await settled();
    expect(now()).toEqual(["b:0", ...numbered("a", most)]);
  });

  test("is nothing more for a namespace that had more than half while it was alone, until another has its half", async () => {
    limit(8, 1);
    void runAll(numbered("a", 20));
    void runAll(numbered("b", 20));
    await settled();
    for (const name of ["a:0", "a:1"]) {
      running.get(name)!();
      await settled();
    }
    expect(now()).toEqual([...numbered("a", 6).slice(2), ...numbered("b", 4)]);
  });

  test("is each namespace's in its turn, however many of the others wait", async () => {
    limit(2, 1);
    void runAll([...numbered("a", 9), ...numbered("b", 9), ...numbered("c", 1)]);
    await settled();
    for (const name of ["a:0", "a:1"]) {
      running.get(name)!();
      await settled();
    }
    expect(now()).toEqual(["b:0", "c:0"]);
  });

  test("is fewer logins, and for one namespace half of those", async () => {
    limit(16, 4);
    await logIn(2, 0);
    for (const namespace of ["a", "b", "c"]) void runAll(numbered(namespace, 3), { kind: "login" });
    void run("d:1");
    await settled();
    expect(now()).toEqual(["a:0", "a:1", "b:0", "b:1", "d:1"]);
  });

  test.each<[string, number[], number]>([
    ["two at first", [], 2],
    ["one more after each that was fast", [20, 20], 4],
    ["at most the limit", Array<number>(20).fill(1_000), 8],
    ["half after one that was slow", [20, 20, 1_001], 2],
    ["half of the limit after one that was slow, however many were fast", [...Array<number>(20).fill(20), 1_001], 4],
    ["one at least, so that they go on", Array<number>(9).fill(5_000), 1],
    ["more again when Vault is fast again", [5_000, 5_000, 20, 20], 3],
  ])("is of logins at an auth mount %s", async (_what, took, many) => {
    limit(16, 8);
    for (const ms of took) await logIn(1, ms);
    void runAll(numbered("a", 9), { kind: "login" });
    void runAll(numbered("b", 9), { kind: "login" });
    await settled();
    expect(now()).toHaveLength(many);
  });

  test("is of logins at another auth mount as many as there", async () => {
    limit(16, 8);
    for (const ms of [5_000, 5_000]) await logIn(1, ms);
    void runAll(numbered("a", 3), { kind: "login" });
    void runAll(numbered("b", 3), { kind: "login", engine: "other" });
    await settled();
    expect(now()).toEqual(["a:0", "b:0", "b:1"]);
  });

  test.each<[string, Partial<Slot>[], number]>([
    ["half together", [{ engine: "pki" }, { engine: "db" }, { engine: "ssh" }, { engine: "aws" }], 8],
    ["a quarter of one engine", [{}, {}, {}, {}], 4],
  ])("of what creates something is %s", async (_what, slots, many) => {
    limit(16, 8);
    slots.forEach((slot, n) => void runAll(numbered(`ns${n}`, 9), { kind: "create", ...slot }));
    await settled();
    expect(now()).toHaveLength(many);
  });

  test("of what creates something is a quarter for one namespace", async () => {
    limit(16, 8);
    for (const engine of ["pki", "db", "ssh"])
      void runAll([`a:${engine}1`, `a:${engine}2`], { kind: "create", engine });
    void run("a:read");
    await settled();
    expect(now()).toEqual(["a:pki1", "a:pki2", "a:db1", "a:db2", "a:read"]);
  });

  test("is one at least, however small the limit", async () => {
    limit(1, 1);
    void run("a:1", { kind: "create" });
    await settled();
    expect(now()).toEqual(["a:1"]);
  });

  test("is not what has failed", async () => {
    limit(1, 1);
    const slot: Slot = { namespace: "a", priority: "first-mount", engine: "secret", kind: "login" };
    const broken = limiter.run(
      slot,
      () => Promise.reject(new Error("no")),
      () => "cut",
      never,
    );
    await expect(broken).rejects.toThrow("no");
    void run("a:1", { kind: "login" });
    await settled();
    expect(now()).toEqual(["a:1"]);
  });
});

describe("where all slots are taken", () => {
  beforeEach(() => limit(8, 8));

  test("by two namespaces whose requests hang, a third has its even share after a second", async () => {
    const hanging = [...runAll(numbered("a", 9)), ...runAll(numbered("b", 9))];
    await settled();
    void runAll(numbered("c", 4));
    await clock.advance(999);
    expect(now().filter((name) => name.startsWith("c"))).toEqual([]);
    await clock.advance(1);
    expect(now().filter((name) => name.startsWith("c")).length).toBeGreaterThanOrEqual(2);
    expect(await hanging[0]).toBe("cut");
  });

  test("by one engine that hangs for everybody, another engine has its half after a second", async () => {
    for (let n = 0; n < 8; n += 1) void run(`ns${n}:1`, { engine: "database" });
    await settled();
    void runAll(numbered("z", 4));
    await clock.advance(1_000);
    expect(now().filter((name) => name.startsWith("z"))).toEqual(numbered("z", 4));
    expect(now()).toHaveLength(8);
  });

  test("by four namespaces with two slots each, of two engines, a fifth has one after a second", async () => {
    for (const engine of ["database", "aws"]) {
      for (const namespace of ["a", "b"]) void runAll(numbered(`${namespace}-${engine}`, 2), { engine });
    }
    await settled();
    expect(now()).toHaveLength(8);
    void run("z:1", { priority: "refresh" });
    await clock.advance(1_000);
    expect(now()).toContain("z:1");
  });

  test("by a tenant in a Vault that is slow for all, nothing is cut off before it took twice as long as the others", async () => {
    const first = runAll(numbered("y", 4));
    await clock.advance(3_000);
    for (const name of numbered("y", 4)) running.get(name)!();
    await Promise.all(first);
    for (const namespace of ["a", "b"]) void runAll(numbered(namespace, 4));
    void run("z:1");
    await clock.advance(5_500);
    expect(now()).not.toContain("z:1");
    await clock.advance(1_500);
    expect(now()).toContain("z:1");
  });

  test("by a tenant in a Vault that was fast once, what counts is how slow it is for all of late", async () => {
    await Promise.all([run("x:1"), settled().then(() => running.get("x:1")!())]);
    for (let round = 0; round < 4; round += 1) {
      const slow = runAll(numbered("y", 4));
      await clock.advance(3_000);
      for (const name of numbered("y", 4)) running.get(name)!();
      await Promise.all(slow);
    }
    for (const namespace of ["a", "b"]) void runAll(numbered(namespace, 4));
    void run("z:1");
    await clock.advance(5_500);
    expect(now()).not.toContain("z:1");
  });

  test("by two namespaces at one engine that hangs, neither has more than its half by asking another", async () => {
    for (const namespace of ["a", "b"]) void runAll(numbered(namespace, 4), { engine: "database" });
    void run("a:other");
    await clock.advance(60_000);
    expect(now()).not.toContain("a:other");
  });

  test("by two engines that have half each, nothing is cut off", async () => {
    for (let n = 0; n < 8; n += 1) void run(`ns${n}:1`, { engine: n < 4 ? "database" : "aws" });
    void run("z:1");
    await clock.advance(60_000);
    expect(now()).not.toContain("z:1");
  });

  test("and two come at once, each has another's: no more run than may", async () => {
    void runAll([...numbered("a", 4), ...numbered("b", 4)]);
    await clock.advance(5_000);
    void runAll(numbered("c", 2));
    await settled();
    expect(now()).toEqual(expect.arrayContaining(numbered("c", 2)));
    expect(now()).toHaveLength(8);
  });

  test("by everybody's even share of a slow Vault, nothing is cut off", async () => {
    const all = numbered("n", 8).map((_, n) => run(`ns${n}:1`));
    void run("z:1");
    await clock.advance(60_000);
    expect(now()).toHaveLength(8);
    running.get("ns0:1")!();
    expect(await all[0]).toBe("done");
    await settled();
    expect(now()).toContain("z:1");
  });

  test("by what creates something, that is not cut off: it would be lost", async () => {
    for (const engine of ["pki", "db"]) {
      void runAll([`a:${engine}`, `b:${engine}`], { kind: "create", engine });
    }
    void runAll(numbered("a", 2));
    void runAll(numbered("b", 2));
    await settled();
    expect(now()).toHaveLength(8);
    void run("c:1");
    await clock.advance(1_000);
    expect(now()).toEqual(expect.arrayContaining(["a:pki", "b:pki", "a:db", "b:db", "c:1"]));
  });
});

describe("in a Vault that is slow for all", () => {
  beforeEach(async () => {
    limit(16, 8);
    const slow = runAll(["a:0", "b:0", "c:0", "d:0"]);
    await clock.advance(1_000);
    for (const name of now()) running.get(name)!();
    await Promise.all(slow);
    // With four under way: one answer each quarter of a second, so a gap of half a second.
  });
  const inTurn = async (many: number) => {
    const seen = [];
    for (let n = 0; n < many; n += 1) {
      await clock.advance(500);
      seen.push(now().length);
    }
    return seen;
  };

  test("requests begin one after another, though slots are free", async () => {
    void runAll(numbered("a", 4));
    void runAll(numbered("b", 4));
    expect(await inTurn(3)).toEqual([2, 3, 4]);
  });

  test("the gap closes, and all that wait are on their way", async () => {
    void runAll(numbered("a", 8));
    await clock.advance(300_000);
    void runAll(numbered("b", 8));
    await settled();
    expect(now()).toHaveLength(16);
  });

  test("the requests of one pod come together", async () => {
    for (const n of [0, 1]) {
      void run(`a:${n}`, { pod: "a/web" });
      void run(`b:${n}`, { pod: "b/web" });
    }
    await inTurn(4);
    expect(now()).toEqual(["a:0", "a:1", "b:0", "b:1"]);
  });

  test.each<Slot["priority"]>(["first-mount", "refresh"])(
    "a pod that asks for ever, by %s, does not hold up another namespace's Mounts",
    async (priority) => {
      const ends = new AbortController();
      setMaxListeners(0, ends.signal);
      const ask = (namespace: string, pod: string, change: Partial<Slot> = {}) =>
        limiter.run(
          { namespace, pod, priority: "first-mount", engine: "secret", kind: "read", ...change },
          (signal) => clock.sleep(1_500, signal),
          () => {},
          ends.signal,
        );
      const untilEnd = async (act: (n: number) => Promise<unknown>) => {
        for (let n = 0; !ends.signal.aborted; n += 1) await act(n).catch(() => {});
      };
      const flood = Array.from({ length: 64 }, () => untilEnd(() => ask("flood", "flood/web", { priority })));
      const tookMs: number[] = [];
      const mounts = ["shop", "bank"].map((namespace) =>
        untilEnd(async (n) => {
          const pod = `${namespace}/web-${n}`;
          const since = clock.monotonic();
          await ask(namespace, pod, { kind: "login" });
          await Promise.all([1, 2, 3].map(() => ask(namespace, pod)));
          tookMs.push(clock.monotonic() - since);
        }),
      );
      await clock.advance(300_000);
      ends.abort();
      await Promise.all([...flood, ...mounts]);
      expect(tookMs.length).toBeGreaterThan(10);
      expect(Math.max(...tookMs)).toBeLessThan(45_000);
    },
  );
});

test("too many that wait are refused", async () => {
  limit(2, 1, 3);
  void runAll(["a:1", "a:2", "a:3", "a:4"]);
  await expect(run("a:5")).rejects.toMatchObject({ code: "limit_exceeded" });
  expect(limiter.load.waiting).toBe(3);
});

test("who gives up while it runs ends its work, which is no cut", async () => {
  limit(2, 1);
  const giveUp = new AbortController();
  const outcome = run("a:1", {}, giveUp.signal);
  await settled();
  giveUp.abort(new Error("enough"));
  await expect(outcome).rejects.toThrow("enough");
  expect([now(), limiter.load.inFlight]).toEqual([[], 0]);
});

test("who gives up waiting is let go", async () => {
  limit(2, 1);
  void runAll(["a:1", "b:1"]);
  const giveUp = new AbortController();
  const waiting = run("c:1", {}, giveUp.signal);
  giveUp.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  expect(limiter.load.waiting).toBe(0);
  await expect(run("d:1", {}, AbortSignal.abort(new Error("late")))).rejects.toThrow("late");
});
