import type { Options } from "../config/options.js";
import { startHealthServer } from "../http/health-server.js";
import { EventRecorder } from "../kube/event-recorder.js";
import type { KubeClient } from "../kube/kube-client.js";
import { ClassCache } from "../mount/class-cache.js";
import { RequestsInFlight } from "../mount/requests-in-flight.js";
import type { TokenMinter } from "../mount/authenticate-pod.js";
import { callVersion } from "../rpc/call-version.js";
import { versionResponse } from "../rpc/provider-service.js";
import { createRpcServer } from "../rpc/server.js";
import type { Clock } from "../shared/clock.js";
import { EventLoopScheduler } from "../shared/event-loop-scheduler.js";
import { ProviderError } from "../shared/errors.js";
import type { Random } from "../shared/random.js";
import type { Redacted } from "../shared/redacted.js";
import { logKeys } from "../telemetry/log-keys.js";
import type { Log } from "../telemetry/log.js";
import { Metrics } from "../telemetry/metrics.js";
import { CredentialPaths } from "../vault/credential-paths.js";
import { leaseRules } from "../vault/lease-rules.js";
import { createVaultClient } from "../vault/create-vault-client.js";
import { RenderWorker } from "../render/render-worker.js";
import { ClusterKey, type KeyOrigin } from "./cluster-key.js";
import { ClassNotes } from "./class-notes.js";
import { reportTo } from "./event-reports.js";
import { inventoryOf } from "./inventory-of.js";
import { mount } from "./mount-service.js";
import { PodEvents } from "./pod-events.js";
import { unreadinessOf } from "./readiness.js";
import { CleanupStack } from "./cleanup-stack.js";
import { startCredentials } from "./start-credentials.js";

export interface DaemonParts {
  options: Options;
  version: string;
  /** The cluster's key as it was read, and where it is read again; it never changes without that. */
  key: Redacted<Buffer>;
  keyOrigin?: KeyOrigin | undefined;
  minter: TokenMinter | undefined;
  /** What pods' events are written by, where they are. */
  events: Pick<KubeClient, "call"> | undefined;
  /** What pods are watched by, where they are. */
  pods: Pick<KubeClient, "call" | "stream"> | undefined;
  /** The code of the process that makes templates and keystores. */
  workerFile: URL;
  log: Log;
  clock: Clock;
  random: Random;
}

export interface Daemon {
  /** Where health is served; the port that was free, where the options say 0. */
  healthAddress: { host: string; port: number };
  /** Counts an error that nothing caught. */
  countUncaught(): void;
  stop(): Promise<void>;
}

/** Of classes that were read, which costs a millisecond each. */
const classCacheBytes = 4 << 20;
/** Of classes and tokens of Mounts that wait; a pod's is some kilobytes. */
const inFlightBytes = 12 << 20;

/** Puts everything together, the socket last. What was started is stopped again if a later step fails. */
export async function startDaemon(parts: DaemonParts, signal: AbortSignal): Promise<Daemon> {
  const releases = new CleanupStack();
  try {
    return await start(parts, releases, signal);
  } catch (error) {
    await releases.run();
    throw error;
  }
}

async function start(
  { options, version, key, keyOrigin, minter, events, pods, workerFile, log, clock, random }: DaemonParts,
  releases: CleanupStack,
  signal: AbortSignal,
): Promise<Daemon> {
  const rules = leaseRules(options);
  const metrics = new Metrics(version);
  const sinks = { log, metrics, classNotes: new ClassNotes(log) };
  const recorder = events && new EventRecorder({ kube: events, clock, random, emit: reportTo(sinks) });
  const podEvents = recorder && new PodEvents((event) => recorder.note(event));
  const emit = reportTo({ ...sinks, podEvents });

  const scheduler = new EventLoopScheduler(clock);
  const paths = new CredentialPaths();
  const client = createVaultClient({ clock, random, emit, paths });
  releases.add(() => client.close());
  if (recorder) releases.add(() => recorder.stop());

  const life = new AbortController();
  const clusterKey = new ClusterKey({ key, origin: keyOrigin, clock, random, emit, lifetime: life.signal });
  const following = clusterKey.run();
  releases.add(() => {
    life.abort(new ProviderError("cancelled", "keymount is stopping"));
    return following;
  });

  const credentials = await startCredentials(
    { options, clusterKey, pods, client, clock, random, scheduler, emit, rules, paths },
    releases,
    signal,
  );

  const renderer = new RenderWorker({ worker: workerFile, clock, emit });
  releases.add(() => renderer.close());

  const service = {
    answers: credentials.source,
    renderer,
    versionKey: () => clusterKey.versionKey(),
    responseBytes: options.limits.responseBytes,
    operator: options.operator,
    reading: { refreshIntervalMs: options.refreshIntervalMs, classes: new ClassCache(classCacheBytes) },
    inFlight: new RequestsInFlight(inFlightBytes),
    minter,
    clock,
    scheduler,
    emit,
  };
  const rpc = createRpcServer({
    socketPaths: [options.socketPath, ...(options.additionalSocketPath ? [options.additionalSocketPath] : [])],
    service: {
      version: () => versionResponse(version),
      mount: (request, called, left) => {
        const closed = credentials.closed();
        if (closed) throw closed;
        return mount(request, service, called, left);
      },
    },
    clock,
    random,
    emit,
  });

  const health = await startHealthServer(
    options.healthAddress,
    {
      unreadiness: (checking) =>
        unreadinessOf({
          rpc,
          client,
          connections: options.operator.connections.length,
          callVersion: () => callVersion(options.socketPath, checking),
        }),
      metrics: async () => ({
        contentType: metrics.contentType,
        text: await metrics.scrape(inventoryOf({ credentials, client, clock, rules })),
      }),
    },
    clock,
    signal,
  );
  releases.add(() => health.stop());

  await rpc.listen(signal);
  releases.add(() => rpc.stop());
  log.info(
    {
      [logKeys.socket]: options.socketPath,
      [logKeys.healthAddress]: `${health.address.host}:${health.address.port}`,
      [logKeys.connections]: options.operator.connections.map(({ name }) => name),
      [logKeys.version]: version,
      [logKeys.node]: process.version,
    },
    "serving",
  );
  return {
    healthAddress: health.address,
    countUncaught: () => metrics.uncaughtException(),
    stop: () => releases.run(),
  };
}
