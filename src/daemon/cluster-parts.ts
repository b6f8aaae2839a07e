import { randomBytes } from "node:crypto";
import type { KeySource, Options } from "../config/options.js";
import { keyFromSecret, keySecretChanges } from "../kube/key-secret.js";
import { KubeClient } from "../kube/kube-client.js";
import { readOwnNamespace, serviceAccountDirectory } from "../kube/service-account.js";
import { tokenMinter } from "../kube/token-request.js";
import type { TokenMinter } from "../mount/authenticate-pod.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import { Redacted } from "../shared/redacted.js";
import type { Random } from "../shared/random.js";
import type { Log } from "../telemetry/log.js";
import type { KeyOrigin } from "./cluster-key.js";
import { readKeyFile, keyFileChanges } from "./key-file.js";
import { waitForKey } from "./wait-for-key.js";
import type { CleanupStack } from "./cleanup-stack.js";

/** What this process runs by. */
interface Surroundings {
  log: Log;
  clock: Clock;
  random: Random;
}

/** What the cluster gives the daemon. */
export interface ClusterParts {
  key: Redacted<Buffer>;
  /** Where the key is read again; `undefined` for one that was made for this process. */
  keyOrigin: KeyOrigin | undefined;
  /** Only where the operator opted in. */
  minter: TokenMinter | undefined;
  /** To write pods' events by; only where the operator opted in. */
  events: Pick<KubeClient, "call"> | undefined;
  /** To ask which pods live by; only where the operator opted in. */
  pods: Pick<KubeClient, "call" | "stream"> | undefined;
}

/** Asks the API server only for what the options want of it. Throws `invalid_request` where that needs a cluster and there is none. */
export async function clusterParts(
  { key, kubernetesApi, fallbackAudiences, events, podWatch, healthAddress }: Options,
  releases: CleanupStack,
  { log, clock, random }: Surroundings,
  signal: AbortSignal,
): Promise<ClusterParts> {
  const kube = kubernetesApi && new KubeClient({ api: kubernetesApi, directory: serviceAccountDirectory, clock });
  if (kube) releases.add(() => kube.close());
  if (fallbackAudiences && !kube) throw needsCluster("tokenRequest.fallback");
  if (events && !kube) throw needsCluster("events");
  if (podWatch && !kube) throw needsCluster("podWatch");
  const keyOrigin = key && (await originOf(key, kube, { clock, random }, signal));
  return {
    key: keyOrigin ? await waitForKey(keyOrigin, { healthAddress, clock, random, log }, signal) : ownKey(log),
    keyOrigin,
    minter: kube && fallbackAudiences && tokenMinter(kube, fallbackAudiences),
    events: events ? kube : undefined,
    pods: podWatch ? kube : undefined,
  };
}

async function originOf(
  source: KeySource,
  kube: KubeClient | undefined,
  { clock, random }: Pick<Surroundings, "clock" | "random">,
  signal: AbortSignal,
): Promise<KeyOrigin> {
  if ("file" in source) {
    const { file } = source;
    return {
      restore: (reading) => readKeyFile(file, reading),
      changes: (reading) => keyFileChanges(file, clock, reading),
    };
  }
  if (!kube) throw needsCluster("--key-secret", "; elsewhere, give --key-file FILE");
  const { name, namespace = await readOwnNamespace(serviceAccountDirectory, signal) } = source.secret;
  const at = { namespace, name };
  return {
    restore: (asking) => keyFromSecret(kube, at, randomBytes, asking),
    changes: (asking) => keySecretChanges(kube, at, { clock, random }, asking),
  };
}

/** Outside a cluster there is one node, and versions are not compared. */
function ownKey(log: Log): Redacted<Buffer> {
  log.warn("no key was given: object versions change with every restart");
  return new Redacted(randomBytes(32));
}

function needsCluster(setting: string, instead = ""): ProviderError {
  return new ProviderError(
    "invalid_request",
    `${setting} asks the Kubernetes API, and this is no container of a cluster (KUBERNETES_SERVICE_HOST is not set)${instead}`,
  );
}
