import { expect, onTestFinished, test } from "vitest";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { type ChangeOptions, VolumeChanges } from "./volume-changes.js";

const usual: ChangeOptions = { directories: ["/a", "/b"], debounceMs: 1_000, intervalMs: 10_000, initial: false };

/** Volumes in memory: `swap` is the driver's rename, with its event unless events are off. */
class FakeVolumes {
  readonly data = new Map<string, string>();
  readonly listeners = new Map<string, { onEvent: () => void; onError: (error: Error) => void }>();
  refuses: string | undefined;

  swap(directory: string, data: string): void {
    this.data.set(directory, data);
    this.listeners.get(directory)?.onEvent();
  }

  dataOf = async (directory: string) => this.data.get(directory);

  watch = (directory: string, onEvent: () => void, onError: (error: Error) => void) => {
    if (this.refuses) throw Object.assign(new Error(), { code: this.refuses });
    if (!this.data.has(directory)) throw Object.assign(new Error(), { code: "ENOENT" });
    this.listeners.set(directory, { onEvent, onError });
    return { close: () => void this.listeners.delete(directory) };
  };
}

/** Acts at the changes of `/a` and `/b`, of which those in `present` are there already. */
async function watching(
  options: Partial<ChangeOptions> = {},
  { refuses, present = usual.directories }: { refuses?: string; present?: readonly string[] } = {},
) {
  const clock = new FakeClock();
  const volumes = new FakeVolumes();
  volumes.refuses = refuses;
  for (const directory of present) volumes.swap(directory, "..1");
  const told: string[] = [];
  const changes = new VolumeChanges(
    { ...usual, ...options },
    { files: volumes, clock, tell: (text) => void told.push(text) },
  );
  const stop = new AbortController();
  const acts: string[] = [];
  const watch = async () => {
    for (;;) acts.push(`${clock.monotonic()} ${(await changes.next(stop.signal)).join()}`);
  };
  const ended = watch().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  /** Resolves once all has ended. */
  const close = async () => {
    stop.abort(new Error("stopped"));
    await ended;
    changes.close();
  };
  onTestFinished(close);
  await clock.advance(0);
  return { clock, volumes, told, acts, close };
}

/** Steps: time to let pass, or a volume and its new content. */
type Step = number | [string, string];

test.each<[string, Partial<ChangeOptions>, Step[], string[]]>([
  ["nothing at first sight", {}, [30_000], []],
  ["the first content, where asked", { initial: true }, [30_000], ["0 /a,/b"]],
  ["a change, after the debounce", {}, [500, ["/a", "..2"], 999], []],
  ["each change once", {}, [["/a", "..2"], 5_000, ["/a", "..3"], 30_000], ["0 /a", "1000 /a"]],
  ["volumes that change together once", {}, [["/a", "..2"], 900, ["/b", "..2"], 30_000], ["0 /a,/b"]],
  ["changes of one volume that follow at once, once", {}, [["/a", "..2"], 500, ["/a", "..3"], 30_000], ["0 /a"]],
  ["a change after the debounce by itself", {}, [["/a", "..2"], 1_500, ["/b", "..2"], 30_000], ["0 /a", "1000 /b"]],
  ["no event with the same content", {}, [["/a", "..1"], 30_000], []],
])("%s", async (_what, options, steps, expected) => {
  const { clock, volumes, acts } = await watching(options);
  for (const step of steps) {
    if (typeof step === "number") await clock.advance(step);
    else volumes.swap(...step);
  }
  expect(acts).toEqual(expected);
});

test.each(["ENOSPC", "EMFILE", "ENOSYS"])(
  "without events (%s) time says when to look, and it is told once",
  async (code) => {
    const { clock, volumes, acts, told } = await watching({ directories: ["/a"] }, { refuses: code });
    volumes.swap("/a", "..2");
    await clock.advance(9_999);
    expect(acts).toEqual([]);
    await clock.advance(1_001);
    expect(acts).toHaveLength(1);
    volumes.swap("/a", "..3");
    await clock.advance(11_000);
    expect(acts).toHaveLength(2);
    expect(told.filter((text) => text.includes("a change is seen within 10 s"))).toHaveLength(1);
  },
);

test("an event that is lost is made up for", async () => {
  const { clock, volumes, acts } = await watching();
  volumes.data.set("/a", "..2");
  await clock.advance(11_000);
  expect(acts).toEqual(["0 /a"]);
});

test("a watcher that fails is replaced", async () => {
  const { clock, volumes, acts } = await watching();
  volumes.listeners.get("/a")!.onError(Object.assign(new Error(), { code: "EIO" }));
  expect(volumes.listeners.has("/a")).toBe(false);
  await clock.advance(10_000);
  volumes.swap("/a", "..2");
  await clock.advance(1_000);
  expect(acts).toEqual(["0 /a"]);
});

test.each([
  ["is waited for, and is no change", false, []],
  ["is a change where the first content is one", true, ["0 /a", "1000 /b"]],
])("a volume that is not there yet %s", async (_what, initial, expected) => {
  const { clock, volumes, told, acts, close } = await watching({ initial }, { present: ["/a"] });
  await clock.advance(5_000);
  volumes.swap("/b", "..1");
  await clock.advance(3_000);
  expect(acts).toEqual(expected);
  expect(told).toEqual(["/a is watched", "/b has no files yet: waiting for its volume", "/b is watched"]);
  await close();
  expect([clock.sleepers, clock.timers, volumes.listeners.size]).toEqual([0, 0, 0]);
});

test("a volume that goes and comes with other content has changed", async () => {
  const { clock, volumes, acts } = await watching();
  volumes.data.delete("/a");
  volumes.listeners.get("/a")!.onEvent();
  await clock.advance(3_000);
  volumes.data.set("/a", "..2");
  await clock.advance(2_000);
  expect(acts).toHaveLength(1);
});

test("present waits for every volume", async () => {
  const clock = new FakeClock();
  const volumes = new FakeVolumes();
  volumes.swap("/a", "..1");
  const changes = new VolumeChanges(usual, { files: volumes, clock, tell: () => undefined });
  let present = false;
  const waiting = changes.present(new AbortController().signal).then(() => (present = true));
  await clock.advance(60_000);
  expect(present).toBe(false);
  volumes.swap("/b", "..1");
  await clock.advance(1_000);
  await waiting;
  expect(present).toBe(true);
});
