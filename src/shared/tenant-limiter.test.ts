import { setMaxListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { TenantLimiter } from "./tenant-limiter.js";

const limits = { most: 2, perSecond: 1_000, burst: 500, first: 0 };
const never = new AbortController().signal;
setMaxListeners(0, never);

/** Work that goes on until it is ended, and the list of what has begun. */
function works(limiter: TenantLimiter) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const run = (tenant: string, name: string, { urgent = false, signal = never } = {}) =>
    limiter.run(
      tenant,
      urgent,
      () => {
        begun.push(name);
        return new Promise<void>((resolve) => ends.set(name, resolve));
      },
      signal,
    );
  const end = async (name: string) => {
    ends.get(name)!();
    for (let tick = 0; tick < 5; tick += 1) await Promise.resolve();
  };
  return { begun, run, end };
}

test("each tenant does so much at once, and the urgent comes before what has waited longer", async () => {
  const { begun, run, end } = works(new TenantLimiter(limits, new FakeClock()));
  for (const name of ["a1", "a2", "a3"]) void run("a", name);
  void run("a", "a4", { urgent: true });
  void run("b", "b1");
  await Promise.resolve();
  expect(begun).toEqual(["a1", "a2", "b1"]);
  await end("a1");
  expect(begun.at(-1)).toBe("a4");
  await end("a2");
  expect(begun.at(-1)).toBe("a3");
});

test("a caller that gives up while waiting leaves its slot to the next", async () => {
  const { begun, run, end } = works(new TenantLimiter({ ...limits, most: 1 }, new FakeClock()));
  const abort = new AbortController();
  void run("a", "a1");
  const givenUp = run("a", "a2", { signal: abort.signal });
  void run("a", "a3");
  abort.abort(new Error("gave up"));
  await expect(givenUp).rejects.toThrow("gave up");
  await end("a1");
  expect(begun).toEqual(["a1", "a3"]);
});

test("work that fails releases its slot, too", async () => {
  const limiter = new TenantLimiter({ ...limits, most: 1 }, new FakeClock());
  await expect(limiter.run("a", false, () => Promise.reject(new Error("failed")), never)).rejects.toThrow("failed");
  expect(await limiter.run("a", false, () => Promise.resolve("next"), never)).toBe("next");
});

describe("how much a tenant takes a second is limited, too", () => {
  const start = (most: number) => {
    const clock = new FakeClock();
    const limiter = new TenantLimiter({ ...limits, most }, clock);
    /** Ten pieces of one size, all wanted at once: when each began, milliseconds. */
    const ten = async (tenant: string, amount: number, signal = never): Promise<number[]> => {
      const from = clock.monotonic();
      const times: number[] = [];
      const work = async (took: (amount: number) => void) => {
        times.push(clock.monotonic() - from);
        took(amount / 2);
        took(amount);
      };
      const all = Promise.all(Array.from({ length: 10 }, () => limiter.run(tenant, false, work, signal)));
      await clock.advance(60_000);
      await all;
      return times;
    };
    return { clock, limiter, ten };
  };

  test.each<[string, number, number, number[]]>([
    ["what its burst holds begins at once", 10, 40, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ["the rest waits for its rate", 10, 100, [0, 0, 0, 0, 0, 0, 100, 200, 300, 400]],
    ["and for a slot", 1, 100, [0, 0, 0, 0, 0, 0, 100, 200, 300, 400]],
  ])("%s", async (_what, most, amount, times) => {
    const { ten } = start(most);
    await ten("a", amount); // How much they take is known from here on.
    expect(await ten("a", amount)).toEqual(times);
  });

  test("no other waits", async () => {
    const { clock, limiter, ten } = start(10);
    await ten("a", 100);
    const one = (tenant: string) => limiter.run(tenant, false, async (took) => took(100), never);
    const crowd = Promise.all(Array.from({ length: 20 }, () => one("a")));
    await one("b");
    await clock.advance(60_000);
    await crowd;
  });

  test("what turns out smaller than the one before lets the next begin sooner", async () => {
    const { clock, limiter, ten } = start(10);
    await ten("a", 400);
    const begun: number[] = [];
    const from = clock.monotonic();
    const small = async (took: (amount: number) => void) => {
      begun.push(clock.monotonic() - from);
      await clock.sleep(5, never);
      took(1);
    };
    const all = Promise.all(Array.from({ length: 5 }, () => limiter.run("a", false, small, never)));
    await clock.advance(1_000);
    await all;
    expect(begun).toEqual([0, 0, 5, 5, 10]);
  });

  test("what is given up before its turn, or took nothing, does not count", async () => {
    const { clock, limiter, ten } = start(10);
    await ten("a", 1_000);
    const ending = new AbortController();
    const given = Array.from({ length: 10 }, () =>
      limiter.run("a", false, async () => undefined, ending.signal).catch((reason: unknown) => reason),
    );
    ending.abort("over");
    expect((await Promise.all(given)).slice(1)).toEqual(Array.from({ length: 9 }, () => "over"));
    expect(clock.timers).toBe(0);
    await limiter.run("a", false, async () => undefined, never);
  });
});
