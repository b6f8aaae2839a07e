import { expect, test } from "vitest";
import { TenantLimiter } from "./tenant-limiter.js";

const never = new AbortController().signal;

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
  const { begun, run, end } = works(new TenantLimiter(2));
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
  const { begun, run, end } = works(new TenantLimiter(1));
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
  const limiter = new TenantLimiter(1);
  await expect(limiter.run("a", false, () => Promise.reject(new Error("failed")), never)).rejects.toThrow("failed");
  expect(await limiter.run("a", false, () => Promise.resolve("next"), never)).toBe("next");
});
