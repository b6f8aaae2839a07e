import type { PodEvents } from "./pod-events.js";
import type { CallEnd } from "../rpc/unary.js";
import { describeError } from "../telemetry/describe-error.js";
import { logKeys } from "../telemetry/log-keys.js";
import type { Log } from "../telemetry/log.js";
import type { Metrics } from "../telemetry/metrics.js";
import type { ClassNotes } from "./class-notes.js";
import {
  type LogFields,
  credentialFields,
  entryFields,
  podFields,
  principalFields,
  tokenFields,
} from "./credential-fields.js";
import { mountFields } from "./mount-fields.js";
import type { ProviderEvent } from "./provider-event.js";

/** Where events are reported. */
export interface ReportSinks {
  log: Log;
  metrics: Metrics;
  /** Logs ineffective parameters of a class, once. */
  classNotes: ClassNotes;
  /** Writes pod events; `undefined` where no pod gets any. */
  podEvents?: PodEvents | undefined;
}

type Reports = {
  [Kind in ProviderEvent["kind"]]: (event: Extract<ProviderEvent, { kind: Kind }>, sinks: ReportSinks) => void;
};

/** Gives what every part reports events by. */
export function reportTo(sinks: ReportSinks): (event: ProviderEvent) => void {
  return (event) => (reports[event.kind] as (event: ProviderEvent, sinks: ReportSinks) => void)(event, sinks);
}

/** The line of the log, the metric and the pod event of every kind of event. */
const reports = {
  vaultRequested({ connection, operation, outcome, ms }, { metrics }) {
    metrics.vaultRequest(connection, operation, outcome, ms / 1000);
  },
  failedOver({ connection, from, to, reason }, { log, metrics }) {
    metrics.failedOver(connection);
    log.warn(
      { [logKeys.connection]: connection, [logKeys.from]: from, [logKeys.to]: to, [logKeys.reason]: reason },
      "failover to another address of the connection",
    );
  },
  faultChanged({ connection, fault }, { log }) {
    const what = { [logKeys.connection]: connection };
    if (fault === undefined) log.info(what, "the connection works again");
    else
      log.error(
        { ...what, [logKeys.reason]: fault },
        "the connection cannot work until its configuration or its files are fixed",
      );
  },
  tlsFilesRejected({ connection, reason }, { log, metrics }) {
    metrics.tlsFilesRejected(connection);
    log.error(
      { [logKeys.connection]: connection, [logKeys.reason]: reason },
      "new TLS files are unusable; the previous ones stay in use",
    );
  },

  loggedIn({ principal, token }, { log, metrics }) {
    metrics.login(principal.connection.name, "ok");
    log.info(
      {
        ...principalFields(principal),
        [logKeys.tokenAccessor]: token.accessor,
        ...(token.ttlMs !== undefined && { [logKeys.ttlSeconds]: token.ttlMs / 1000 }),
      },
      "logged in",
    );
  },
  loginFailed({ principal, error }, { log, metrics }) {
    metrics.login(principal.connection.name, error.code);
    log.debug({ ...principalFields(principal), ...describeError(error) }, "login failed");
  },
  tokenRevoked({ stored }, { log, metrics }) {
    metrics.tokenRevoked(stored.connection.name, true);
    log.info(tokenFields(stored), "token revoked");
  },
  tokenNotRevoked({ stored, error }, { log, metrics }) {
    metrics.tokenRevoked(stored.connection.name, false);
    metrics.orphaned(stored.connection.name, "token");
    const what = { ...tokenFields(stored), ...describeError(error) };
    log.warn(what, "a token could not be revoked; it ends with its TTL");
  },
  tokenRenewed({ stored }, { log, metrics }) {
    const { renewable, grantedMs } = stored.term;
    metrics.renewal(stored.connection.name, "token", renewable ? "ok" : "final");
    const what = { ...tokenFields(stored), [logKeys.ttlSeconds]: Math.round(grantedMs / 1000) };
    if (renewable) log.debug(what, "token renewed");
    else log.info(what, "the token is near its max TTL; a Mount logs in again before its end");
  },
  tokenNotRenewed({ stored, error }, { log, metrics }) {
    const { renewable } = stored.term;
    metrics.renewal(stored.connection.name, "token", renewable ? "later" : "final");
    const what = { ...tokenFields(stored), [logKeys.failures]: stored.failures, ...describeError(error) };
    if (renewable) log.warn(what, "a token could not be renewed; it is tried again");
    else log.warn(what, "Vault does not renew the token; a Mount replaces it before its end");
  },
  tokenDied({ stored }, { log, metrics }) {
    metrics.renewal(stored.connection.name, "token", "gone");
    log.warn(tokenFields(stored), "the token and its leases are dead; the next Mount logs in again");
  },
  credentialOrphaned({ stored, path, error }, { log, metrics }) {
    metrics.orphaned(stored.connection.name, "");
    log.warn(
      { ...tokenFields(stored), [logKeys.path]: path, ...describeError(error) },
      "an undelivered credential could not be revoked; it ends with its token or its TTL",
    );
  },

  staleServed(event, { log, metrics }) {
    metrics.staleServed(event.principal.connection.name, event.error.code);
    log.debug(standInFields(event), "a cached secret is served stale");
  },
  copyServed(event, { log, metrics }) {
    metrics.offlineServed(event.principal.connection.name, event.error.code);
    log.debug(standInFields(event), "a secret is served from its offline copy");
  },
  copyFailed({ error }, { log, metrics }) {
    metrics.stateRecord("not_written");
    log.error(describeError(error), "an offline copy could not be read, written or removed; a removal is tried again");
  },
  credentialMade({ principal, request, answer, first }, { log, metrics }) {
    metrics.credentialMade(principal.connection.name, answer.engine, first ? "new" : "replacement");
    const what = { ...principalFields(principal), ...credentialFields(request, answer) };
    if (first) log.info(what, "credential issued");
    else log.info(what, "credential re-issued");
  },
  livesTooShort({ principal, request, answer }, { log }) {
    log.warn(
      { ...principalFields(principal), ...credentialFields(request, answer) },
      "the credential lives too short for a file: a Mount may not come in time to replace it; give its role a longer TTL",
    );
  },
  limitReached({ limit }, { metrics }) {
    metrics.limitReached(limit);
  },
  leaseRenewed({ entry, answer }, { log, metrics }) {
    const renewable = answer.term?.renewable === true;
    metrics.renewal(answer.stored.connection.name, answer.engine, renewable ? "ok" : "final");
    if (renewable) log.debug(entryFields(entry, answer), "lease renewed");
    else log.info(entryFields(entry, answer), "the lease is near its max TTL; a Mount replaces it before its end");
  },
  leaseNotRenewed({ entry, answer, error }, { log, metrics }) {
    const renewable = answer.term?.renewable === true;
    metrics.renewal(answer.stored.connection.name, answer.engine, renewable ? "later" : "final");
    const what = { ...entryFields(entry, answer), [logKeys.failures]: answer.failures, ...describeError(error) };
    if (renewable) log.warn(what, "a lease could not be renewed; it is tried again");
    else log.warn(what, "Vault does not renew the lease; a Mount replaces it before its end");
  },
  leaseGone({ entry, answer }, { log, metrics }) {
    metrics.renewal(answer.stored.connection.name, answer.engine, "gone");
    log.warn(entryFields(entry, answer), "the lease was revoked by someone else; the next Mount requests another");
  },
  endsUnreplaced({ entry, answer, leftMs }, { log, podEvents }) {
    const seconds = Math.round(leftMs / 1000);
    log.warn(
      { ...entryFields(entry, answer), [logKeys.endsInSeconds]: seconds },
      "a credential ends soon, and no Mount has come to replace it; is rotation enabled in the driver (enableSecretRotation)?",
    );
    for (const { volumeKey } of entry.users) podEvents?.credentialEnds(volumeKey, entry.request.path, seconds);
  },
  syncEnded({ volume: { namespace } }, { log }) {
    log.info(
      { [logKeys.namespace]: namespace },
      "the sync controller has missed two Mounts of a class; its token and leases are revoked",
    );
  },
  ownerRestored({ owner: { volumes } }, { log, metrics }) {
    metrics.stateRecord("restored");
    const pods = volumes.flatMap(({ pod }) => (pod ? [`${pod.namespace}/${pod.name}/${pod.uid}`] : []));
    log.debug({ [logKeys.volumes]: volumes.length, [logKeys.pods]: pods }, "restored after a restart");
  },
  credentialLost({ entry: { request, users } }, { log, metrics }) {
    const [user] = users;
    metrics.orphaned("", "");
    log.warn(
      { [logKeys.path]: request.path, ...(user?.pod && { [logKeys.podUid]: user.pod.uid }) },
      "a credential may have been issued when keymount ended, and was not recorded; it ends with its token or its TTL",
    );
  },
  ownerNotRestored({ because }, { log, metrics }) {
    metrics.stateRecord("dropped");
    log.warn(
      { [logKeys.reason]: because },
      "a record of an earlier process cannot be restored; its credentials end with their TTL",
    );
  },
  ownerNotPersisted({ error, first }, { log, metrics }) {
    metrics.stateRecord("not_written");
    if (!first) return;
    log.error(
      describeError(error),
      "tokens and leases could not be written to the state directory; a restart would lose them",
    );
  },
  ownersPersisted(_, { log }) {
    log.info("all tokens and leases are in the state directory again");
  },

  recordSetAside({ file, because }, { log, metrics }) {
    metrics.stateRecord("set_aside");
    log.error({ [logKeys.names]: [file], [logKeys.reason]: because }, "a record of the state directory was set aside");
  },
  recordsOfAnotherBoot({ count }, { log, metrics }) {
    metrics.stateRecord("dropped", count);
    log.info(
      { [logKeys.volumes]: count },
      "records of an earlier boot were removed; their credentials end with their TTL",
    );
  },
  stateHeld({ directory, held }, { log }) {
    const what = { [logKeys.directory]: directory };
    if (held) log.info(what, "the lock of the state directory is ours");
    else log.warn(what, "another process has the lock of the state directory; no credential is issued meanwhile");
  },

  clusterKeyChanged(_, { log }) {
    log.warn("the cluster's key has changed; every object gets a new version at its next mount");
  },
  clusterKeyDeleted(_, { log }) {
    log.warn("the cluster's key was deleted; the next mount makes a new one");
  },
  clusterKeyUnreadable({ error }, { log }) {
    log.warn(describeError(error), "the cluster's key cannot be read again; the previous one stays in use");
  },

  podEventWritten(_, { metrics }) {
    metrics.event("written");
  },
  podEventLost({ error }, { log, metrics }) {
    metrics.event("lost");
    if (error) log.warn(describeError(error), "an event could not be written");
  },
  podWatchChanged({ state, error }, { log }) {
    const what = { [logKeys.state]: state, ...(error && describeError(error)) };
    if (state === "live") log.info(what, "the pod watch is synced");
    else log.warn(what, "the pod watch is interrupted; nothing is revoked meanwhile");
  },
  podGone({ pod }, { log }) {
    log.info(podFields(pod), "the pod is gone; its tokens and leases are revoked");
  },
  podStatusUnknown({ pod, error }, { log }) {
    log.debug({ ...podFields(pod), ...describeError(error) }, "a pod may be gone; the API server does not answer");
  },

  /** A health check, or the driver: for those who debug. */
  versionCalled(call, { log }) {
    const line = callFields("Version", call);
    if (call.error) log.warn({ ...line, ...describeError(call.error) }, "refused");
    else log.debug(line, "answered");
  },
  /** The one line of a Mount; republishes that change nothing are for those who debug. */
  mountCalled(call, { log, metrics }) {
    const { code, durationMs, error, summary = {} } = call;
    const { stale = [], unchanged = false } = summary.volume ?? {};
    const isStale = stale.length > 0;
    metrics.mounted(error ? code : isStale ? "stale" : unchanged ? "unchanged" : "changed", durationMs / 1000);
    if (unchanged && !isStale && !error && !log.isLevelEnabled("debug")) return; // Most Mounts are such.
    const line = { ...callFields("Mount", call), ...mountFields(summary) };
    if (error) log.warn({ ...line, ...describeError(error) }, "refused");
    else if (stale.some(({ copyAgeMs }) => copyAgeMs !== undefined)) log.warn(line, "served from offline copies");
    else if (isStale) log.warn(line, "served stale in part");
    else if (unchanged) log.debug(line, "answered");
    else log.info(line, "answered");
  },
  socketChanged({ socket, state, error }, { log }) {
    const what = { [logKeys.socket]: socket, [logKeys.state]: state };
    const trouble = error || state === "displaced";
    if (trouble) log.error({ ...what, ...(error && describeError(error)) }, "the socket is lost or displaced");
    else log.info(what, "socket");
  },
  classRead({ spec, connection }, { classNotes }) {
    classNotes.note(spec, connection);
  },
  mounted({ spec, volume }, { podEvents }) {
    podEvents?.mounted(spec, volume);
  },
  mountFailed({ targetPath, error }, { podEvents }) {
    podEvents?.refused(targetPath, error);
  },

  worked({ task, outcome, ms }, { metrics }) {
    metrics.worked(task, outcome, ms / 1000);
  },
  workerEnded({ reason }, { metrics }) {
    metrics.workerEnded(reason);
  },
  workerFailed({ reason }, { log }) {
    log.error(describeError(reason), "worker failed");
  },
  taskFailed({ error }, { log }) {
    log.error(describeError(error), "housekeeping failed");
  },
} satisfies Reports;

function callFields(method: "Version" | "Mount", { code, durationMs }: CallEnd<unknown>): LogFields {
  return {
    [logKeys.method]: method,
    [logKeys.code]: code,
    [logKeys.durationMs]: Math.round(durationMs * 10) / 10,
  };
}

/** Of a secret that is served in place of one that could not be read. */
function standInFields({
  principal,
  request,
  error,
  ageMs,
}: Extract<ProviderEvent, { kind: "staleServed" | "copyServed" }>): LogFields {
  return {
    ...principalFields(principal),
    [logKeys.path]: request.path,
    [logKeys.ageSeconds]: Math.round(ageMs / 1000),
    ...describeError(error),
  };
}
