import type { PersistedOwner } from "../leases/state-codec.js";
import type { StateJournalObserver } from "../leases/state-journal.js";
import { type CachedSecret, endsAt } from "../leases/cached-secret.js";
import type { PodWatchObserver, PodWatchState } from "../kube/pod-watch.js";
import type { CacheEntry, VolumePod } from "../leases/secret-cache.js";
import type { RenewalLoopObserver } from "../leases/renewal-loop.js";
import type { ProviderError } from "../shared/errors.js";
import { describeError } from "../telemetry/describe-error.js";
import { logKeys } from "../telemetry/log-keys.js";
import type { Log } from "../telemetry/log.js";
import type { Metrics } from "../telemetry/metrics.js";
import { credentialOf } from "./credential-facts.js";
import type { PodReaperObserver } from "./pod-reaper.js";
import type { StateOwnerObserver } from "./state-owner.js";
import type { PodEvents } from "./pod-events.js";

/** What the renewal loop and the state journal tell, said once in the log, counted, and told to the pods it concerns. */
export class LeaseObservers
  implements RenewalLoopObserver, StateJournalObserver, StateOwnerObserver, PodWatchObserver, PodReaperObserver
{
  readonly #log: Log;
  readonly #metrics: Metrics;
  readonly #podEvents: Pick<PodEvents, "credentialEnds"> | undefined;

  constructor(log: Log, metrics: Metrics, podEvents: Pick<PodEvents, "credentialEnds"> | undefined) {
    this.#log = log;
    this.#metrics = metrics;
    this.#podEvents = podEvents;
  }

  leaseRenewed(entry: CacheEntry, answer: CachedSecret): void {
    const renewable = answer.term?.renewable === true;
    this.#metrics.renewal(connectionOf(answer), answer.engine, renewable ? "ok" : "final");
    if (renewable) this.#log.debug(factsOf(entry, answer), "lease renewed");
    else this.#log.info(factsOf(entry, answer), "the lease's end is in sight; a Mount replaces it before that");
  }

  leaseNotRenewed(entry: CacheEntry, answer: CachedSecret, error: ProviderError): void {
    const renewable = answer.term?.renewable === true;
    this.#metrics.renewal(connectionOf(answer), answer.engine, renewable ? "later" : "final");
    const what = { ...factsOf(entry, answer), [logKeys.failures]: answer.failures, ...describeError(error) };
    if (renewable) this.#log.warn(what, "a lease could not be renewed; it is tried again");
    else this.#log.warn(what, "Vault does not renew the lease; a Mount replaces it before its end");
  }

  leaseGone(entry: CacheEntry, answer: CachedSecret): void {
    this.#metrics.renewal(connectionOf(answer), answer.engine, "gone");
    this.#log.warn(factsOf(entry, answer), "the lease was revoked behind our back; the next Mount has another made");
  }

  endsUnreplaced(entry: CacheEntry, answer: CachedSecret, leftMs: number): void {
    const seconds = Math.round(leftMs / 1000);
    this.#log.warn(
      { ...factsOf(entry, answer), [logKeys.endsInSeconds]: seconds },
      "a credential ends soon, and no Mount comes to replace it; does the driver rotate (enableSecretRotation)?",
    );
    for (const { volumeKey } of entry.users) this.#podEvents?.credentialEnds(volumeKey, entry.request.path, seconds);
  }

  ownerRestored({ bindings }: PersistedOwner, lost: readonly CacheEntry[]): void {
    this.#metrics.stateRecord("restored");
    const pods = bindings.flatMap(({ pod }) => (pod ? [`${pod.namespace}/${pod.name}/${pod.uid}`] : []));
    this.#log.debug({ [logKeys.volumes]: bindings.length, [logKeys.pods]: pods }, "held again after a restart");
    for (const { request, users } of lost) {
      const [user] = users;
      this.#metrics.orphaned("", "");
      this.#log.warn(
        { [logKeys.path]: request.path, ...(user?.pod && { [logKeys.podUid]: user.pod.uid }) },
        "a credential may have been made when keymount ended, which nobody knows; it ends with its token or its time",
      );
    }
  }

  ownerNotRestored(because: string): void {
    this.#metrics.stateRecord("dropped");
    this.#log.warn(
      { [logKeys.reason]: because },
      "what an earlier process held cannot be held again; it ends with its time",
    );
  }

  setAside(file: string, because: string): void {
    this.#metrics.stateRecord("set_aside");
    this.#log.error(
      { [logKeys.names]: [file], [logKeys.reason]: because },
      "a record of the state directory was set aside",
    );
  }

  ofAnotherBoot(count: number): void {
    this.#metrics.stateRecord("dropped", count);
    this.#log.info(
      { [logKeys.volumes]: count },
      "records of an earlier boot were removed; what they held ends with its time",
    );
  }

  stateHeld(directory: string, held: boolean): void {
    if (held) this.#log.info({ [logKeys.directory]: directory }, "the state directory is held");
    else
      this.#log.warn(
        { [logKeys.directory]: directory },
        "another process holds the state directory; no credential is made meanwhile",
      );
  }

  podWatchChanged(state: PodWatchState, error?: ProviderError): void {
    const what = { [logKeys.state]: state, ...(error && describeError(error)) };
    if (state === "live") this.#log.info(what, "the node's pods are known");
    else this.#log.warn(what, "it is not known which pods live; nothing is revoked meanwhile");
  }

  podGone(pod: VolumePod): void {
    this.#log.info(podFacts(pod), "the pod is gone; what it held is revoked");
  }

  fateUnknown(pod: VolumePod, error: ProviderError): void {
    this.#log.debug(
      { ...podFacts(pod), ...describeError(error) },
      "a pod may be gone, and the API server does not tell",
    );
  }

  notPersisted(error: ProviderError): void {
    this.#metrics.stateRecord("not_written");
    this.#log.error(
      describeError(error),
      "what is held could not be written to the state directory; a restart would lose it",
    );
  }
}

function connectionOf({ session }: CachedSecret): string {
  return session.connection.name;
}

function factsOf({ request, users, namespace }: CacheEntry, answer: CachedSecret): Record<string, unknown> {
  const pods = [...users].flatMap(({ pod }) => (pod ? [`${pod.namespace}/${pod.name}`] : []));
  return {
    [logKeys.connection]: connectionOf(answer),
    [logKeys.namespace]: namespace,
    [logKeys.pods]: [...new Set(pods)],
    ...credentialOf(request, answer),
    ...(Number.isFinite(endsAt(answer)) &&
      answer.term && { [logKeys.ttlSeconds]: Math.round(answer.term.grantedMs / 1000) }),
  };
}

function podFacts({ namespace, name, uid }: VolumePod): Record<string, unknown> {
  return { [logKeys.namespace]: namespace, [logKeys.pod]: name, [logKeys.podUid]: uid };
}
