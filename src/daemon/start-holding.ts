import { setMaxListeners } from "node:events";
import type { Options } from "../config/options.js";
import { createStateDoor } from "../http/state-door.js";
import type { KubeClient } from "../kube/kube-client.js";
import { podFate } from "../kube/pod-fate.js";
import { PodWatch } from "../kube/pod-watch.js";
import { type Holding, createHolding } from "../leases/holding.js";
import type { VolumePod } from "../leases/answer-book.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import type { EventLoopScheduler } from "../shared/event-loop-scheduler.js";
import type { Random } from "../shared/random.js";
import type { Redacted } from "../shared/redacted.js";
import type { LiveVaultClient } from "../vault/create-vault-client.js";
import type { CredentialPaths } from "../vault/credential-paths.js";
import { Departures } from "./departures.js";
import { heldCredentials } from "./held-credentials.js";
import { HeldState } from "./held-state.js";
import { keepHouse } from "./housekeeping.js";
import type { LeaseObservers } from "./lease-observers.js";
import type { Observers } from "./observers.js";
import type { Releases } from "./releases.js";

export interface HoldingStartParts {
  options: Options;
  /** The cluster's. */
  key: Redacted<Buffer>;
  /** What pods are watched by, where they are. */
  pods: Pick<KubeClient, "call" | "stream"> | undefined;
  client: LiveVaultClient;
  clock: Clock;
  random: Random;
  scheduler: EventLoopScheduler;
  observers: Observers;
  leaseObservers: LeaseObservers;
  leadMs: number;
  paths: CredentialPaths;
}

/** A stop waits so long for what Vault is being asked for after its Mount was given up: a login or credential that is cut off is orphaned. */
const lastAnswersMs = 5_000;

export interface StartedHolding extends Holding {
  /** Why no Mount is served any more; `undefined` while they are. */
  closed(): ProviderError | undefined;
}

/**
 * What holds, at work: what an earlier process held is taken up before this resolves, and then renewed, replaced and
 * revoked as pods come and go. The releases end all of it, and revoke nothing.
 */
export async function startHolding(
  parts: HoldingStartParts,
  releases: Releases,
  signal: AbortSignal,
): Promise<StartedHolding> {
  const { options, client, clock, random, scheduler, observers, leaseObservers, leadMs, paths } = parts;
  const life = new AbortController();
  setMaxListeners(0, life.signal); // Every token that is revoked listens, and a node's pods may go all at once.
  const watch = podWatchOf(parts);
  const holding = createHolding({
    client,
    clock,
    random,
    scheduler,
    limits: options.limits,
    rules: { maxOrphanMs: options.maxOrphanMs, leadMs },
    paths,
    observer: observers,
    keeperObserver: leaseObservers,
    lives: (uid) => watch?.state === "live" && watch.find(uid) !== undefined,
    refreshWished: (uid) => watch?.find(uid)?.refresh,
    credentialsRefused: () => state?.refusal(),
    lifetime: life.signal,
  });
  const { book, sessions, keeper, ledger } = holding;

  let closed: ProviderError | undefined;
  const door = createStateDoor({
    leases: () => heldCredentials(holding, clock, leadMs),
    revokeAll: () => {
      closed = new ProviderError(
        "unavailable",
        "everything was revoked on this node (keymount revoke-all); restart keymount to serve again",
      );
      return sessions.revokeAll();
    },
  });
  const state: HeldState | undefined = options.state && (await openState(parts, options.state));
  if (state) releases.add(() => state.release());

  function openState({ key }: HoldingStartParts, place: NonNullable<Options["state"]>): Promise<HeldState> {
    const { providerName: provider, nodeName, operator } = options;
    const { connections } = operator;
    return HeldState.open(
      { place, key, provider, nodeName, connections, ledger, door, clock, observer: leaseObservers },
      signal,
    );
  }

  const departures =
    watch &&
    new Departures({
      watch,
      fate: (pod, asking) => podFate(parts.pods!, pod, asking),
      owners: () => owners(book.bindings()),
      gone: (uid) => book.forgetPod(uid),
      clock,
      random,
      observer: leaseObservers,
    });
  const hurried = [
    () => state?.round(life.signal),
    () => keeper.round(life.signal),
    () => sessions.revokeLeaving(),
    () => departures?.round(life.signal),
  ];
  const greetings = () => options.operator.connections.map((connection) => client.greet(connection, life.signal));
  const leisurely = [() => book.sweep(clock.monotonic()), () => sessions.sweep(), () => Promise.all(greetings())];
  const failed = (error: unknown) => observers.choreFailed(error);
  const running = [
    keepHouse(clock, 1_000, hurried, failed, life.signal),
    keepHouse(clock, 60_000, leisurely, failed, life.signal),
    watch?.run(life.signal),
  ];
  releases.add(async () => {
    await within(lastAnswersMs, holding.settled(), clock);
    life.abort(new ProviderError("cancelled", "keymount is stopping"));
    await Promise.all([...running, keeper.settled()]);
    await ledger.settled();
  });
  return { ...holding, closed: () => closed };
}

/** Waits for something, but no longer than `ms`. */
async function within(ms: number, something: Promise<void>, clock: Clock): Promise<void> {
  const done = new AbortController();
  const sleeping = clock.sleep(ms, done.signal).catch(() => {});
  await Promise.race([something, sleeping]);
  done.abort();
}

function podWatchOf({ pods: kube, options, clock, random, leaseObservers }: HoldingStartParts): PodWatch | undefined {
  const { nodeName } = options;
  return kube && nodeName !== undefined
    ? new PodWatch({ kube, nodeName, clock, random, observer: leaseObservers })
    : undefined;
}

function* owners(bindings: Iterable<{ pod?: VolumePod }>): Iterable<VolumePod> {
  for (const { pod } of bindings) if (pod) yield pod;
}
