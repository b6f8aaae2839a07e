import { setTimeout as sleep } from "node:timers/promises";

/** The other tenant, who does nothing but run ordinary pods. */
export interface Neighbour {
  /** A pod of a new identity gets its volume; milliseconds. Rejects with the refusal, or when its files are wrong. */
  readonly mountNew: () => Promise<number>;
  /** The kubelet comes by a volume that is served already. */
  readonly republish: (turn: number) => Promise<number>;
  /** One liveness probe; rejects when it fails. */
  readonly probe: () => Promise<unknown>;
}

export interface LoadProfile {
  readonly seconds: number;
  readonly mountEveryMs: number;
  readonly republishEveryMs: number;
  readonly probeEveryMs: number;
  /** How long pending acts may take after the last one began. */
  readonly timeoutMs: number;
}

/** The outcomes of all acts of one kind. */
export interface Acts {
  /** Milliseconds of each that succeeded. */
  readonly done: number[];
  readonly refusals: string[];
  /** Begun, and neither done nor refused within the timeout. */
  unfinished: number;
}

export interface NeighbourFigures {
  readonly mounts: Acts;
  readonly republishes: Acts;
  readonly probes: Acts;
}

/** Runs the neighbour as an open loop: new acts begin on schedule, whether earlier ones are answered or not. */
export async function watchNeighbour(neighbour: Neighbour, profile: LoadProfile): Promise<NeighbourFigures> {
  const started = performance.now();
  const kinds = {
    mounts: openLoop(profile.mountEveryMs, profile, started, () => neighbour.mountNew()),
    republishes: openLoop(profile.republishEveryMs, profile, started, (turn) => neighbour.republish(turn)),
    probes: openLoop(profile.probeEveryMs, profile, started, () => timed(neighbour.probe)),
  };
  return { mounts: await kinds.mounts, republishes: await kinds.republishes, probes: await kinds.probes };
}

export async function timed(act: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await act();
  return performance.now() - started;
}

async function openLoop(
  everyMs: number,
  { seconds, timeoutMs }: LoadProfile,
  started: number,
  act: (turn: number) => Promise<number>,
): Promise<Acts> {
  const acts: Acts = { done: [], refusals: [], unfinished: 0 };
  const underWay = new Set<Promise<void>>();
  const begin = (turn: number) => {
    acts.unfinished += 1;
    const one = act(turn)
      .then(
        (ms) => void acts.done.push(ms),
        (error: unknown) => void acts.refusals.push(String(error)),
      )
      .then(() => {
        acts.unfinished -= 1;
        underWay.delete(one);
      });
    underWay.add(one);
  };
  for (let turn = 0; turn * everyMs < seconds * 1000; turn += 1) {
    await sleep(Math.max(0, started + turn * everyMs - performance.now()));
    begin(turn);
  }
  const end = started + seconds * 1000;
  await sleep(Math.max(0, end - performance.now()));
  await Promise.race([Promise.all(underWay), sleep(timeoutMs)]);
  // What ends later counts no more.
  return { done: [...acts.done], refusals: [...acts.refusals], unfinished: acts.unfinished };
}
