import { mountRequest } from "../src/driver/mount-request.js";
import type { ServiceAccountIssuer } from "../dev/vault/service-account-issuer.js";
import type { MountRequest } from "../src/wire/provider.js";
import { encodeCall, MountCaller } from "./mount-caller.js";

/** Secrets of 1 KiB that each Mount reads. */
export const readsPerMount = 10;

const objects = Array.from(
  { length: readsPerMount },
  (_, n) => `- {objectName: file-${n}, secretPath: kv/data/bench/${n}, secretKey: value}`,
).join("\n");

/** First Mounts of so many pods, each with a token of its own: each costs Vault one login and ten reads. The namespaces have them in turn. */
export function newPods(
  issuer: ServiceAccountIssuer,
  count: number,
  namespaces: readonly string[] = ["shop"],
  parameters: Record<string, string> = { roleName: "bench", objects },
): MountRequest[] {
  return Array.from({ length: count }, (_, n) => {
    const pod = newPod(namespaces[n % namespaces.length]!);
    const token = tokenOf(issuer, pod);
    const expirationTimestamp = new Date(Date.now() + 3_600_000).toISOString();
    return mountRequest({
      pod,
      parameters,
      tokens: { vault: { token, expirationTimestamp } },
    });
  });
}

/** Tokens of so many new pods. */
export function newTokens(issuer: ServiceAccountIssuer, count: number): string[] {
  return Array.from({ length: count }, () => tokenOf(issuer, newPod("shop")));
}

function newPod(namespace: string) {
  const uid = crypto.randomUUID();
  return { namespace, name: `web-${uid.slice(0, 8)}`, uid, serviceAccount: "web" };
}

function tokenOf(issuer: ServiceAccountIssuer, pod: ReturnType<typeof newPod>): string {
  const { namespace, serviceAccount } = pod;
  return issuer.mint({ namespace, serviceAccount, pod, audiences: ["vault"] });
}

/** What a run of Mounts came to: milliseconds of each, and of all. */
export interface Timed {
  each: number[];
  wholeMs: number;
}

/** Calls of a provider's Mount; each must succeed with all its files. */
export class Load {
  readonly #caller: MountCaller;
  readonly #files: number;

  constructor(socketPath: string, files = readsPerMount) {
    this.#files = files;
    this.#caller = new MountCaller(socketPath);
  }

  /** As many at a time as `concurrency`, each followed by the next. */
  async closedLoop(requests: readonly MountRequest[], concurrency: number): Promise<Timed> {
    const each: number[] = [];
    const waiting = requests.map(encodeCall).values();
    const startedAt = performance.now();
    const worker = async () => {
      for (const call of waiting) each.push(await this.#mount(call));
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
    return { each, wholeMs: performance.now() - startedAt };
  }

  /** So many a second, whether those before are answered or not. */
  async openLoop(requests: readonly MountRequest[], perSecond: number): Promise<Timed> {
    const startedAt = performance.now();
    const each = await Promise.all(
      requests.map(encodeCall).map(async (call, n) => {
        await new Promise((resolve) => setTimeout(resolve, (n * 1000) / perSecond));
        return this.#mount(call);
      }),
    );
    return { each, wholeMs: performance.now() - startedAt };
  }

  close(): void {
    this.#caller.close();
  }

  async #mount(call: Buffer): Promise<number> {
    const startedAt = performance.now();
    const files = await this.#caller.mount(call);
    if (files.length !== this.#files) throw new Error(`a Mount gave ${files.length} files`);
    return performance.now() - startedAt;
  }
}
