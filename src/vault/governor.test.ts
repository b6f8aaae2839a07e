import { beforeEach, describe, expect, test } from "vitest";
import { FakeClock } from "../testing/fake-clock.js";
import { Governor } from "./governor.js";
import type { Waiting } from "./turn-queue.js";

const never = new AbortController().signal;
let clock: FakeClock;
let governor: Governor;
let started: string[];
let finish: Map<string, (outcome: string) => void>;

beforeEach(() => {
  clock = new FakeClock();
  governor = new Governor({ inFlight: 2, logins: 1 }, clock, 3);
  started = [];
  finish = new Map();
});

function run(name: string, change: Partial<Waiting> = {}, signal = never): Promise<string> {
  const work = () => {
    started.push(name);
    return new Promise<string>((resolve) => finish.set(name, resolve));
  };
  const who: Waiting = { namespace: "shop", priority: "first-mount", isLogin: false, ...change };
  return governor.run(who, work, (outcome) => (outcome === "429" ? "strained" : "eased"), signal);
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("the governor", () => {
  test("lets only so many run, and the next when one has finished", async () => {
    const first = run("a");
    run("b").catch(() => {});
    run("c").catch(() => {});
    await settled();
    expect([started, governor.load]).toEqual([["a", "b"], { inFlight: 2, allowed: 2, waiting: 1 }]);
    finish.get("a")!("200");
    expect(await first).toBe("200");
    await settled();
    expect(started).toEqual(["a", "b", "c"]);
  });

  test("lets fewer logins run", async () => {
    run("a", { isLogin: true }).catch(() => {});
    run("b", { isLogin: true }).catch(() => {});
    run("c").catch(() => {});
    await settled();
    expect(started).toEqual(["a", "c"]);
  });

  test("frees the place of work that failed", async () => {
    const who: Waiting = { namespace: "shop", priority: "first-mount", isLogin: true };
    const broken = governor.run(
      who,
      () => Promise.reject(new Error("no")),
      () => "neither",
      never,
    );
    await expect(broken).rejects.toThrow("no");
    expect(governor.load).toMatchObject({ inFlight: 0 });
    run("a", { isLogin: true }).catch(() => {});
    await settled();
    expect(started).toEqual(["a"]);
  });

  test("lets fewer run when the server struggles, and more again", async () => {
    governor = new Governor({ inFlight: 8, logins: 1 }, clock);
    const strained = run("a");
    await settled();
    finish.get("a")!("429");
    await strained;
    expect(governor.load.allowed).toBe(4);
    for (let round = 0; round < 60; round += 1) {
      const eased = run("b");
      await settled();
      finish.get("b")!("200");
      await eased;
    }
    expect(governor.load.allowed).toBe(8);
  });

  test("refuses when too many wait", async () => {
    for (const name of ["a", "b", "c", "d", "e"]) run(name).catch(() => {});
    await expect(run("f")).rejects.toMatchObject({ code: "limit_exceeded" });
    expect(governor.load.waiting).toBe(3);
  });

  test("lets go of who gives up waiting", async () => {
    run("a").catch(() => {});
    run("b").catch(() => {});
    const giveUp = new AbortController();
    const waiting = run("c", {}, giveUp.signal);
    giveUp.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    expect(governor.load.waiting).toBe(0);
    await expect(run("d", {}, AbortSignal.abort(new Error("late")))).rejects.toThrow("late");
  });
});
