import type { Options } from "../config/options.js";
import { createAdminServer } from "../http/admin-server.js";
import type { KubeClient } from "../kube/kube-client.js";
import { podStatus } from "../kube/pod-status.js";
import { PodWatch } from "../kube/pod-watch.js";
import { type Credentials, createCredentials } from "../leases/credentials.js";
import type { VolumePod } from "../leases/cache-entry.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import type { EventLoopScheduler } from "../shared/event-loop-scheduler.js";
import { LeanAbortController } from "../shared/lean-abort-controller.js";
import type { Random } from "../shared/random.js";
import { within } from "../shared/within.js";
import type { LiveVaultClient } from "../vault/create-vault-client.js";
import type { LeaseRules } from "../vault/lease-rules.js";
import type { CredentialPaths } from "../vault/credential-paths.js";
import type { ClusterKey } from "./cluster-key.js";
import { PodReaper } from "./pod-reaper.js";
import { credentialInfos } from "./credential-infos.js";
import { StateOwner } from "./state-owner.js";
import { runEvery } from "./run-every.js";
import type { ProviderEvent } from "./provider-event.js";
import type { CleanupStack } from "./cleanup-stack.js";

export interface CredentialsStartParts {
  options: Options;
  clusterKey: Pick<ClusterKey, "current" | "readAgain">;
  /** What pods are watched by, where they are. */
  pods: Pick<KubeClient, "call" | "stream"> | undefined;
  client: LiveVaultClient;
  clock: Clock;
  random: Random;
  scheduler: EventLoopScheduler;
  emit: (event: ProviderEvent) => void;
  rules: LeaseRules;
  paths: CredentialPaths;
}

/** A stop waits so long for what Vault is still being asked for: a login or credential that is cut off is orphaned. */
const lastAnswersMs = 5_000;

export interface StartedCredentials extends Credentials {
  /** Why no Mount is served any more; `undefined` while they are. */
  closed(): ProviderError | undefined;
}

/**
 * What holds, at work: what an earlier process held is taken up before this resolves, and then renewed, replaced and
 * revoked as pods come and go. The releases end all of it, and revoke nothing that the next process takes up.
 */
export async function startCredentials(
  parts: CredentialsStartParts,
  releases: CleanupStack,
  signal: AbortSignal,
): Promise<StartedCredentials> {
  const { options, client, clock, random, scheduler, emit, rules, paths } = parts;
  const life = new LeanAbortController();
  const watch = podWatchOf(parts);
  const stateOwner = options.state && (await stateOwnerOf(parts, options.state, signal));
  if (stateOwner) releases.add(() => stateOwner.release());
  const credentials = createCredentials({
    client,
    clock,
    random,
    scheduler,
    limits: options.limits,
    rules,
    paths,
    emit,
    lives: (uid) => watch?.state === "live" && watch.find(uid) !== undefined,
    isStranger: ({ namespace, uid }) => watch?.state === "live" && watch.find(uid)?.namespace !== namespace,
    refreshRequested: (uid) => watch?.find(uid)?.refresh,
    credentialsRefused: () => stateOwner?.refusal(),
    lifetime: life.signal,
  });
  const { cache, tokens, copies, renewalLoop, journal, state } = credentials;

  let closed: ProviderError | undefined;
  const adminServer = createAdminServer({
    leases: () => credentialInfos(credentials, clock, rules),
    revokeAll: async () => {
      closed = new ProviderError(
        "unavailable",
        "everything was revoked on this node (keymount revoke-all); restart keymount to serve again",
      );
      return credentials.revokeAll();
    },
  });
  const owned = { state, copies, adminServer };
  await stateOwner?.start(owned, signal);

  const podReaper =
    watch &&
    new PodReaper({
      watch,
      status: (pod, asking) => podStatus(parts.pods!, pod, asking),
      owners: () => owners(cache.volumes()),
      gone: (uid) => cache.forgetPod(uid),
      clock,
      random,
      emit,
    });
  const everySecond = [
    () => stateOwner?.tick(owned, life.signal),
    () => journal.retry(),
    () => tokens.revokeLeaving(),
    () => renewalLoop.tick(life.signal),
    () => podReaper?.tick(life.signal),
  ];
  const identified = () => options.operator.connections.map((connection) => client.identify(connection, life.signal));
  const everyMinute = [
    () => cache.sweep(clock.monotonic()).forEach((volume) => emit({ kind: "syncEnded", volume })),
    () => copies.sweep(),
    () => tokens.sweep(),
    () => state.sweep(),
    () => Promise.all(identified()),
  ];
  const failed = (error: unknown) => emit({ kind: "taskFailed", error });
  const running = [
    runEvery(clock, 1_000, everySecond, failed, life.signal),
    runEvery(clock, 60_000, everyMinute, failed, life.signal),
    watch?.run(life.signal),
  ];
  releases.add(async () => {
    await within(lastAnswersMs, credentials.settled(), clock);
    // No other process will know of its logins.
    if (stateOwner && !stateOwner.hasOpened) await within(lastAnswersMs, credentials.revokeAll(), clock);
    life.abort(new ProviderError("cancelled", "keymount is stopping"));
    await Promise.all([...running, renewalLoop.settled()]);
    await Promise.all([state.settled(), journal.settled(), copies.settled()]);
  });
  return { ...credentials, closed: () => closed };
}

function stateOwnerOf(
  { options, clusterKey, clock, emit }: CredentialsStartParts,
  directory: NonNullable<Options["state"]>,
  signal: AbortSignal,
): Promise<StateOwner> {
  const { providerName: provider, nodeName, operator } = options;
  const { connections } = operator;
  return StateOwner.prepare({ directory, clusterKey, provider, nodeName, connections, clock, emit }, signal);
}

function podWatchOf({ pods: kube, options, clock, random, emit }: CredentialsStartParts): PodWatch | undefined {
  const { nodeName } = options;
  return kube && nodeName !== undefined ? new PodWatch({ kube, nodeName, clock, random, emit }) : undefined;
}

function* owners(volumes: Iterable<{ pod?: VolumePod }>): Iterable<VolumePod> {
  for (const { pod } of volumes) if (pod) yield pod;
}
