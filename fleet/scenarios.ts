import type { Random } from "../src/shared/random.js";
import { type Counts, CountingVault } from "./counting-vault.js";
import { FleetNode, type Workload } from "./node.js";
import { VirtualClock } from "./virtual-clock.js";

const second = 1_000;
export const minute = 60 * second;
export const hour = 60 * minute;
/** Pods of a fleet that nobody has just started: they came one by one in this time, and all are in their second hour. */
const settling = 2 * hour;
/** Of the time before an event that is shown. */
const before = 10 * minute;

export const scenarios = ["steady", "upgrade", "outage", "reboot"] as const;
export type Scenario = (typeof scenarios)[number];

export interface Fleet extends Workload {
  nodes: number;
}

export interface Sample {
  /** Nodes that are simulated; the others are taken to do the same. */
  nodes: number;
  seed: number;
}

/** One minute at Vault, of the whole fleet. */
export interface Minute extends Counts {
  /** Outstanding at the end of it. */
  tokens: number;
  leases: number;
}

/** From ten minutes before the event to some time after it. */
export async function simulate(scenario: Scenario, fleet: Fleet, { nodes, seed }: Sample): Promise<Minute[]> {
  const clock = new VirtualClock();
  const vault = new CountingVault(clock, { token: hour, lease: hour }, fleet.nodes / nodes, minute);
  const random = randomOf(seed);
  const sample = Array.from(
    { length: nodes },
    (_, n) => new FleetNode(`node-${n}`, clock, vault, fleet, randomOf(seed + n)),
  );
  for (const node of sample) node.startPods(hour);
  const start = settling - before;
  const outstanding: { tokens: number; leases: number }[] = [];
  const pass = async (ms: number) => {
    const until = clock.monotonic() + ms;
    while (clock.monotonic() < until) {
      await clock.runUntil(Math.min(until, clock.monotonic() + minute));
      if (clock.monotonic() > start) outstanding.push(vault.outstanding());
    }
  };
  await pass(settling);
  switch (scenario) {
    case "steady":
      await pass(hour / 2);
      break;
    case "upgrade":
      // A tenth of the nodes every five minutes.
      for (const node of sample) void clock.sleep(random() * 50 * minute).then(() => node.drain(2 * minute));
      await pass(hour + 10 * minute);
      break;
    case "outage":
      vault.isDown = true;
      await pass(hour);
      vault.isDown = false;
      await pass(hour / 2);
      break;
    case "reboot":
      for (const node of sample) void node.reboot(minute + random() * minute);
      await pass(hour / 2);
  }
  const counts = vault.periods(clock.monotonic()).slice(start / minute);
  return counts.map((counts, n) => ({ ...counts, ...outstanding[n]! }));
}

/** Mulberry32: the same draws for the same seed. */
function randomOf(seed: number): Random {
  let state = seed * 0x9e3779b1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
