import { expect, test } from "vitest";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { AdmissionWindow } from "./admission-window.js";

const patienceMs = 250;
const never = new AbortController().signal;

/** Work of one line that goes on until it is ended, and the list of what has begun; `most` is 16. */
function works(clock = new FakeClock()) {
  const window = new AdmissionWindow(patienceMs, clock);
  const begun: string[] = [];
  const ends = new Map<string, (how: "ended" | "failed") => void>();
  const run = (name: string, { line = "shop/default", size = 10, signal = never } = {}) =>
    window
      .run(
        { line, size, most: 16 },
        () => {
          begun.push(name);
          return new Promise<void>((resolve, reject) =>
            ends.set(name, (how) => (how === "ended" ? resolve() : reject(new Error("failed")))),
          );
        },
        signal,
      )
      .catch(() => undefined);
  const settle = async () => {
    for (let tick = 0; tick < 5; tick += 1) await Promise.resolve();
  };
  const end = async (name: string, how: "ended" | "failed" = "ended") => {
    ends.get(name)!(how);
    await settle();
  };
  return { clock, begun, run, end, settle };
}

test("volumes of a line begin until they ask for enough together, the others in the order of the calls", async () => {
  const { begun, run, end } = works();
  for (const name of ["a", "b", "c", "d"]) void run(name);
  void run("small", { size: 1 });
  expect(begun).toEqual(["a", "b"]);
  await end("b");
  expect(begun).toEqual(["a", "b", "c"]);
  await end("a");
  await end("c");
  // What is small goes with what is before it.
  expect(begun).toEqual(["a", "b", "c", "d", "small"]);
});

test("many small ones are as many as are sent at once", () => {
  const { begun, run } = works();
  for (let n = 0; n < 20; n += 1) void run(`${n}`, { size: 1 });
  expect(begun).toHaveLength(16);
});

test("one that is larger than all that may be under way begins where nothing is", () => {
  const { begun, run } = works();
  void run("large", { size: 100 });
  expect(begun).toEqual(["large"]);
});

test("other lines do not wait, and a line that is empty is forgotten", async () => {
  const { begun, run, end } = works();
  for (const name of ["a", "b", "c"]) void run(name);
  void run("other", { line: "bank/default" });
  expect(begun).toEqual(["a", "b", "other"]);
  for (const name of ["a", "b", "c"]) await end(name);
  void run("d");
  expect(begun.at(-1)).toBe("d");
});

test("what fails leaves its place, too", async () => {
  const { begun, run, end } = works();
  for (const name of ["a", "b", "c"]) void run(name);
  await end("a", "failed");
  expect(begun).toEqual(["a", "b", "c"]);
});

test("work that hangs holds no other up for longer than the patience", async () => {
  const { clock, begun, run, settle } = works();
  for (const name of ["hangs", "hangs too", "c", "d"]) void run(name);
  await clock.advance(patienceMs - 1);
  void run("later");
  expect(begun).toEqual(["hangs", "hangs too"]);
  await clock.advance(1);
  await settle();
  expect(begun).toEqual(["hangs", "hangs too", "c", "d"]);
  await clock.advance(patienceMs - 1);
  await settle();
  expect(begun.at(-1)).toBe("later");
});

test.each(["before", "while"])("a call that is given up %s it waits begins, and says so itself", async (when) => {
  const { clock, begun, run, settle } = works();
  const given = new AbortController();
  if (when === "before") given.abort(new Error("gave up"));
  for (const name of ["a", "b"]) void run(name);
  void run("c", { signal: given.signal });
  given.abort(new Error("gave up"));
  await settle();
  expect(begun).toEqual(["a", "b", "c"]);
  // Its time is over: nothing begins twice.
  await clock.advance(patienceMs);
  expect(begun).toEqual(["a", "b", "c"]);
});
