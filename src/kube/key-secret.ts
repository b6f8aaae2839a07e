import { z } from "zod";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import type { Random } from "../shared/random.js";
import { Redacted } from "../shared/redacted.js";
import { type KubeClient, kubePath } from "./kube-client.js";
import { isForbidden, KubeError } from "./kube-error.js";

/** Bytes of a key. */
const keyBytes = 32;

/** The entry of the Secret's data that holds the key; the Go providers use the same (vault-csi-provider internal/hmac). */
const dataKey = "key";

const secret = z.object({
  metadata: z.object({ resourceVersion: z.string().optional() }).optional(),
  data: z.record(z.string(), z.base64()).optional(),
});
const watchEvent = z.discriminatedUnion("type", [
  z.object({ type: z.enum(["ADDED", "MODIFIED", "DELETED"]), object: z.unknown() }),
  z.object({ type: z.literal("ERROR"), object: z.object({ code: z.number().optional() }) }),
]);

const watchSeconds = 300;
/** A watch ends by itself before. */
const idleMs = (watchSeconds + 30) * 1_000;
const [restMs, pollMs, pollJitterMs] = [1_000, 60_000, 30_000];

export interface KeySecret {
  namespace: string;
  name: string;
}

/**
 * The cluster's one key: 32 random bytes in a Secret that the first instance creates and all others read. A Secret that a
 * Go provider created is used as it is. Throws a `KubeError`, or `invalid_request` for a Secret without a usable key.
 */
export async function keyFromSecret(
  kube: Pick<KubeClient, "call">,
  at: KeySecret,
  randomBytes: (bytes: number) => Buffer,
  signal: AbortSignal,
): Promise<Redacted<Buffer>> {
  const found = await get(kube, at, signal);
  if (found) return keyIn(found, at);
  const made = await create(kube, at, randomBytes(keyBytes), signal);
  if (made) return made;
  const others = await get(kube, at, signal);
  if (others) return keyIn(others, at);
  throw new ProviderError("unavailable", `Secret ${at.namespace}/${at.name} comes and goes; try again`);
}

/**
 * The key whenever it changes, beginning with the present one; `undefined` where the Secret is gone. It is watched, or,
 * where keymount may only `get` it (the Role of the Go providers), read every 60 to 90 s. Throws as `keyFromSecret` does,
 * and can then be begun again.
 */
export async function* keySecretChanges(
  kube: Pick<KubeClient, "call" | "stream">,
  at: KeySecret,
  { clock, random }: { clock: Clock; random: Random },
  signal: AbortSignal,
): AsyncGenerator<Redacted<Buffer> | undefined, never> {
  for (;;) {
    const found = await get(kube, at, signal);
    yield found && keyIn(found, at);
    const watched = yield* watch(kube, at, found && secret.parse(found.reveal()).metadata?.resourceVersion, signal);
    await clock.sleep(watched ? restMs : pollMs + random() * pollJitterMs, signal);
  }
}

/** Returns whether it may be watched, once the API server has ended the watch. */
async function* watch(
  kube: Pick<KubeClient, "stream">,
  at: KeySecret,
  from: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<Redacted<Buffer> | undefined, boolean> {
  const query = new URLSearchParams({
    fieldSelector: `metadata.name=${at.name}`,
    watch: "true",
    timeoutSeconds: String(watchSeconds),
    ...(from !== undefined && { resourceVersion: from }),
  });
  const path = `${kubePath`/api/v1/namespaces/${at.namespace}/secrets`}?${query.toString()}`;
  const purpose = `watching Secret ${at.namespace}/${at.name}`;
  try {
    for await (const line of kube.stream({ method: "GET", path, purpose }, idleMs, signal)) {
      const read = watchEvent.safeParse(line);
      if (!read.success) throw new ProviderError("unavailable", `${purpose}: an event is none of the Kubernetes API's`);
      const { type, object } = read.data;
      if (type === "ERROR") return true; // Its version is too old, most often: it is read again.
      yield type === "DELETED" ? undefined : keyIn(new Redacted(object), at);
    }
    return true;
  } catch (error) {
    if (isForbidden(error)) return false;
    throw error;
  }
}

/** `undefined` where there is none. */
async function get(
  kube: Pick<KubeClient, "call">,
  at: KeySecret,
  signal: AbortSignal,
): Promise<Redacted<unknown> | undefined> {
  try {
    const path = kubePath`/api/v1/namespaces/${at.namespace}/secrets/${at.name}`;
    return await kube.call({ method: "GET", path, purpose: `reading Secret ${at.namespace}/${at.name}` }, signal);
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return undefined;
    throw error;
  }
}

/** `undefined` where another was first. */
async function create(
  kube: Pick<KubeClient, "call">,
  at: KeySecret,
  key: Buffer,
  signal: AbortSignal,
): Promise<Redacted<Buffer> | undefined> {
  const body = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: at.name, labels: { "app.kubernetes.io/managed-by": "keymount" } },
    type: "Opaque",
    data: { [dataKey]: key.toString("base64") },
  };
  try {
    const path = kubePath`/api/v1/namespaces/${at.namespace}/secrets`;
    const purpose = `making Secret ${at.namespace}/${at.name}`;
    return keyIn(await kube.call({ method: "POST", path, body: new Redacted(body), purpose }, signal), at);
  } catch (error) {
    if (error instanceof KubeError && error.reason === "AlreadyExists") return undefined;
    if (error instanceof KubeError && [403, 422].includes(error.status)) throw byHand(error, at);
    throw error;
  }
}

/** An admission policy, as that of secrets-store-sync-controller, refuses with 422. */
function byHand(refusal: KubeError, { namespace, name }: KeySecret): ProviderError {
  return new ProviderError(
    refusal.code,
    `${refusal.message}. Where keymount may not make it, make it by hand: head -c 32 /dev/urandom | kubectl -n ${namespace} create secret generic ${name} --from-file=key=/dev/stdin`,
    { cause: refusal },
  );
}

function keyIn(reply: Redacted<unknown>, { namespace, name }: KeySecret): Redacted<Buffer> {
  const read = secret.safeParse(reply.reveal());
  const key = Buffer.from((read.success && read.data.data?.[dataKey]) || "", "base64");
  if (key.length >= keyBytes) return new Redacted(key);
  throw new ProviderError(
    "invalid_request",
    `Secret ${namespace}/${name} has no entry "${dataKey}" of at least ${keyBytes} bytes; delete it and keymount makes a new one (every object gets a new version then)`,
  );
}
