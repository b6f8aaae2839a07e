import { z } from "zod";
import { ProviderError } from "../shared/errors.js";
import { Redacted } from "../shared/redacted.js";
import { type KubeClient, kubePath } from "./kube-client.js";
import { KubeError } from "./kube-error.js";

/** Bytes of a key. */
const keyBytes = 32;

/** The entry of the Secret's data that holds the key; the Go providers use the same (vault-csi-provider internal/hmac). */
const dataKey = "key";

const secret = z.object({ data: z.record(z.string(), z.base64()).optional() });

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
  if (found) return found;
  const made = await create(kube, at, randomBytes(keyBytes), signal);
  if (made) return made;
  const others = await get(kube, at, signal);
  if (others) return others;
  throw new ProviderError("unavailable", `Secret ${at.namespace}/${at.name} comes and goes; try again`);
}

/** `undefined` where there is none. */
async function get(
  kube: Pick<KubeClient, "call">,
  at: KeySecret,
  signal: AbortSignal,
): Promise<Redacted<Buffer> | undefined> {
  try {
    const path = kubePath`/api/v1/namespaces/${at.namespace}/secrets/${at.name}`;
    return keyIn(
      await kube.call({ method: "GET", path, purpose: `reading Secret ${at.namespace}/${at.name}` }, signal),
      at,
    );
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
    throw error;
  }
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
