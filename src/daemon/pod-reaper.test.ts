import { beforeEach, describe, expect, test } from "vitest";
import type { PodWatchState } from "../kube/kube-event.js";
import type { VolumePod } from "../leases/cache-entry.js";
import { ProviderError } from "../shared/errors.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { PodReaper } from "./pod-reaper.js";

const second = 1_000;
const never = new AbortController().signal;
const podOf = (uid: string): VolumePod => ({ namespace: "shop", name: `web-${uid}`, uid });

let clock: FakeClock;
let state: PodWatchState;
let watched: Set<string>;
let owners: Set<string>;
let statuses: (uid: string) => "lives" | "gone" | "unknown";
let told: string[];
let reaper: PodReaper;

beforeEach(() => {
  clock = new FakeClock();
  state = "live";
  watched = new Set(["a", "b"]);
  owners = new Set(["a", "b"]);
  statuses = () => "gone";
  told = [];
  reaper = new PodReaper({
    watch: {
      get state() {
        return state;
      },
      find: (uid) => (watched.has(uid) ? podOf(uid) : undefined),
    },
    status: async ({ uid }) => {
      told.push(`asked of ${uid}`);
      const status = statuses(uid);
      if (status === "unknown") throw new ProviderError("unavailable", "no answer");
      return status;
    },
    owners: () => [...owners].map(podOf),
    gone: (uid) => (owners.delete(uid), told.push(`${uid} is gone`)),
    clock,
    random: () => 0.5,
    emit: ({ kind, pod }) => kind === "podStatusUnknown" && told.push(`of ${pod.uid} nothing is known`),
  });
});

async function pass(seconds: number): Promise<void> {
  for (let n = 0; n < seconds; n += 1) {
    reaper.tick(never);
    await clock.advance(second);
  }
}

test("a pod that is in the watch is left alone", async () => {
  await pass(600);
  expect(told).toEqual([]);
});

test("one that leaves it is asked about, and gone half a minute after that is certain", async () => {
  watched.delete("a");
  await pass(6);
  expect(told).toEqual(["asked of a"]);
  await pass(29);
  expect(told).toEqual(["asked of a"]);
  await pass(3);
  expect(told).toEqual(["asked of a", "a is gone"]);
});

test("one that mounts before the watch has seen it is not asked about", async () => {
  owners.add("c");
  await pass(4);
  watched.add("c");
  await pass(60);
  expect(told).toEqual([]);
});

test("one that comes back into the watch is forgiven", async () => {
  watched.delete("a");
  await pass(20);
  watched.add("a");
  await pass(60);
  expect(told).toEqual(["asked of a"]);
});

test("one that lives, although the watch does not have it, is asked about again, rarely", async () => {
  watched.delete("a");
  statuses = () => "lives";
  await pass(300);
  expect(told.length).toBeGreaterThan(3);
  expect(told.length).toBeLessThan(7);
});

describe("nothing is concluded", () => {
  test.each(["starting", "stale"] as const)("from a watch that is %s", async (now) => {
    state = now;
    watched.clear();
    await pass(600);
    expect(told).toEqual([]);
  });

  test("from an API server that does not answer: it is asked again, ever more rarely", async () => {
    watched.delete("a");
    statuses = () => "unknown";
    await pass(600);
    expect(told).not.toContain("a is gone");
    const asked = told.filter((line) => line.startsWith("asked")).length;
    expect(asked).toBeGreaterThan(3);
    expect(asked).toBeLessThan(20);
    statuses = () => "gone";
    await pass(400);
    expect(told).toContain("a is gone");
  });
});

test("a node that is drained loses them a few at a time", async () => {
  owners = new Set(Array.from({ length: 40 }, (_, n) => `p${n}`));
  watched.clear();
  const goneAfter = async (seconds: number) => {
    await pass(seconds);
    return told.filter((line) => line.endsWith("is gone")).length;
  };
  expect(await goneAfter(35)).toBe(0);
  expect(await goneAfter(3)).toBeLessThanOrEqual(15);
  expect(await goneAfter(30)).toBe(40);
});
