import type { CachedSecret } from "../leases/cached-secret.js";
import type { CachedSecretSourceObserver, ReachedLimit } from "../leases/cached-secret-source.js";
import type { VaultRequest } from "../mount/mount-spec.js";
import type { Principal } from "../mount/ports.js";
import type { CallOutcome } from "../rpc/unary.js";
import type { ProviderError } from "../shared/errors.js";
import { describeError } from "../telemetry/describe-error.js";
import { logKeys } from "../telemetry/log-keys.js";
import type { Log } from "../telemetry/log.js";
import type { Metrics } from "../telemetry/metrics.js";
import type { StoredToken } from "../vault/stored-token.js";
import type { TokenStoreObserver } from "../vault/token-store.js";
import type { VaultToken } from "../vault/vault-client.js";
import type { VaultSecretsObserver } from "../vault/vault-secrets.js";
import type { VaultObserver } from "../vault/vault-observer.js";
import type { RenderWorkerObserver } from "../render/render-worker.js";
import { credentialOf } from "./credential-facts.js";

/** What the rooms tell of themselves, said once in the log and counted. */
export class Observers
  implements VaultObserver, TokenStoreObserver, VaultSecretsObserver, CachedSecretSourceObserver, RenderWorkerObserver
{
  readonly #log: Log;
  #metrics: Metrics | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  countWith(metrics: Metrics): void {
    this.#metrics = metrics;
  }

  /** The one line of a call. Unchanged republishes and health checks are for those who debug. */
  called({ method, code, durationMs, error, facts }: CallOutcome): void {
    const line = {
      [logKeys.method]: method,
      [logKeys.code]: code,
      [logKeys.durationMs]: Math.round(durationMs * 10) / 10,
      ...facts,
    };
    const held = facts[logKeys.stale] !== undefined;
    const unchanged = facts[logKeys.unchanged] === true;
    if (error) this.#log.warn({ ...line, ...describeError(error) }, "refused");
    else if (held) this.#log.warn(line, "served stale in part");
    else if (unchanged || method !== "Mount") this.#log.debug(line, "answered");
    else this.#log.info(line, "answered");
    if (method !== "Mount") return;
    const outcome = error ? code : held ? "stale" : unchanged ? "unchanged" : "changed";
    this.#metrics?.mounted(outcome, durationMs / 1000);
  }

  request({ connection, kind, outcome, ms }: Parameters<VaultObserver["request"]>[0]): void {
    this.#metrics?.vaultRequest(connection, kind, outcome, ms / 1000);
  }

  failedOver({ connection, from, to, reason }: Parameters<VaultObserver["failedOver"]>[0]): void {
    this.#metrics?.failedOver(connection);
    this.#log.warn(
      { [logKeys.connection]: connection, [logKeys.from]: from, [logKeys.to]: to, [logKeys.reason]: reason },
      "another address of the connection is asked",
    );
  }

  faultChanged({ connection, fault }: Parameters<VaultObserver["faultChanged"]>[0]): void {
    const what = { [logKeys.connection]: connection };
    if (fault === undefined) this.#log.info(what, "the connection is mended");
    else this.#log.error({ ...what, [logKeys.reason]: fault }, "only the operator can mend the connection");
  }

  tlsFilesRejected({ connection, reason }: Parameters<VaultObserver["tlsFilesRejected"]>[0]): void {
    this.#metrics?.tlsFilesRejected(connection);
    this.#log.error(
      { [logKeys.connection]: connection, [logKeys.reason]: reason },
      "new TLS files cannot be used; the old ones stay",
    );
  }

  loggedIn(principal: Principal, token: VaultToken): void {
    this.#metrics?.login(principal.connection.name, "ok");
    this.#log.info(
      {
        ...whose(principal),
        [logKeys.tokenAccessor]: token.accessor,
        ...(token.ttlMs !== undefined && { [logKeys.ttlSeconds]: token.ttlMs / 1000 }),
      },
      "logged in",
    );
  }

  loginFailed(principal: Principal, error: ProviderError): void {
    this.#metrics?.login(principal.connection.name, error.code);
    this.#log.debug({ ...whose(principal), ...describeError(error) }, "login failed");
  }

  dropped(session: StoredToken, error?: ProviderError): void {
    const { connection } = session;
    this.#metrics?.tokenRevoked(connection.name, error === undefined);
    if (error) {
      this.#metrics?.orphaned(connection.name, "token");
      const what = { ...tokenOf(session), ...describeError(error) };
      this.#log.warn(what, "a token could not be revoked; it ends with its time");
    } else this.#log.info(tokenOf(session), "token revoked");
  }

  tokenRenewed(session: StoredToken): void {
    const { renewable, grantedMs } = session.term;
    this.#metrics?.renewal(session.connection.name, "token", renewable ? "ok" : "final");
    const what = { ...tokenOf(session), [logKeys.ttlSeconds]: Math.round(grantedMs / 1000) };
    if (renewable) this.#log.debug(what, "token renewed");
    else this.#log.info(what, "the token's end is in sight; the next Mount after that logs in anew");
  }

  tokenNotRenewed(session: StoredToken, error: ProviderError): void {
    const { renewable } = session.term;
    this.#metrics?.renewal(session.connection.name, "token", renewable ? "later" : "final");
    const what = { ...tokenOf(session), [logKeys.failures]: session.failures, ...describeError(error) };
    if (renewable) this.#log.warn(what, "a token could not be renewed; it is tried again");
    else this.#log.warn(what, "Vault does not renew the token; a Mount replaces it before its end");
  }

  tokenDied(session: StoredToken): void {
    this.#metrics?.renewal(session.connection.name, "token", "gone");
    this.#log.warn(tokenOf(session), "the token is dead, and what was leased with it; the next Mount logs in anew");
  }

  notGivenBack(stored: StoredToken, path: string, error: ProviderError): void {
    this.#metrics?.orphaned(stored.connection.name, "");
    this.#log.warn(
      { ...tokenOf(stored), [logKeys.path]: path, ...describeError(error) },
      "a credential that nobody was given could not be given back; it ends with its token or its time",
    );
  }

  credentialMade(principal: Principal, request: VaultRequest, answer: CachedSecret, first: boolean): void {
    this.#metrics?.credentialMade(principal.connection.name, answer.engine, first ? "new" : "replacement");
    const what = { ...whose(principal), ...credentialOf(request, answer) };
    if (first) this.#log.info(what, "a credential was made");
    else this.#log.info(what, "a credential was made in the place of another");
  }

  livesTooShort(principal: Principal, request: VaultRequest, answer: CachedSecret): void {
    this.#log.warn(
      { ...whose(principal), ...credentialOf(request, answer) },
      "the credential lives too short for a file: a Mount may not come in time to replace it; give its role a longer TTL",
    );
  }

  staleServed(principal: Principal, request: VaultRequest, error: ProviderError, heldForMs: number): void {
    this.#metrics?.heldInstead(principal.connection.name, error.code);
    this.#log.debug(
      {
        ...whose(principal),
        [logKeys.path]: request.path,
        [logKeys.heldForSeconds]: Math.round(heldForMs / 1000),
        ...describeError(error),
      },
      "a held answer stands in",
    );
  }

  limitReached(limit: ReachedLimit): void {
    this.#metrics?.limitReached(limit);
  }

  socketChanged(socket: string, state: string, error?: ProviderError): void {
    const what = { [logKeys.socket]: socket, [logKeys.state]: state };
    const trouble = error || state === "displaced";
    if (trouble) this.#log.error({ ...what, ...(error && describeError(error)) }, "the socket is not ours");
    else this.#log.info(what, "socket");
  }

  eventWritten(): void {
    this.#metrics?.event("written");
  }

  /** Why, where the API server refused it; otherwise there were too many. */
  eventLost(error?: ProviderError): void {
    this.#metrics?.event("lost");
    if (error) this.#log.warn(describeError(error), "an event could not be written");
  }

  choreFailed(error: unknown): void {
    this.#log.error(describeError(error), "housekeeping failed");
  }

  worked(kind: string, outcome: string, seconds: number): void {
    this.#metrics?.worked(kind, outcome, seconds);
  }

  workerEnded(reason: "timeout" | "memory" | "crash" | "start"): void {
    this.#metrics?.workerEnded(reason);
  }

  /** The process of templates and keystores does not start. */
  workerFailed(reason: unknown): void {
    this.#log.error(describeError(reason), "worker failed");
  }
}

function tokenOf({ token, connection, caller, role }: StoredToken): Record<string, unknown> {
  return {
    [logKeys.tokenAccessor]: token.accessor,
    [logKeys.connection]: connection.name,
    [logKeys.namespace]: caller.namespace,
    [logKeys.role]: role,
  };
}

function whose({ pod, connection, authMount, role }: Principal): Record<string, unknown> {
  return {
    [logKeys.namespace]: pod.namespace,
    [logKeys.pod]: pod.name,
    [logKeys.podUid]: pod.uid,
    [logKeys.serviceAccount]: pod.serviceAccount,
    [logKeys.connection]: connection.name,
    [logKeys.authMount]: authMount,
    [logKeys.role]: role,
  };
}
