import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { type DriverVersion, nodePaths, startCsiDriver } from "./csi-driver.js";
import { type Keymount, type KeymountOptions, startKeymount } from "./keymount.js";
import { Kubelet } from "./kubelet.js";
import { shareMounts, unmountAll } from "./mounts.js";
import { untilReady } from "./running-program.js";
import type { Stack } from "./stack.js";

export type ProviderOptions = Pick<KeymountOptions, "flags" | "env" | "serviceAccount" | "nodeFlags" | "cgroup">;

export interface NodeOptions {
  readonly driver: DriverVersion;
  /** As the driver reads durations; rotation is on when it is given. */
  readonly rotationPollInterval?: string;
  readonly healthCheckInterval?: string;
  /** Provider name → how its `serve` runs, or nothing for the defaults. One instance, `vault`, unless said. */
  readonly providers?: Readonly<Record<string, ProviderOptions>>;
}

/** One node: a driver, the providers beside it, and who plays its kubelet. */
export interface Node {
  readonly name: string;
  readonly kubelet: Kubelet;
  readonly provider: (name?: string) => Keymount;
  /** Ends its programs and unmounts all that is mounted below its folder. */
  readonly stop: () => Promise<void>;
}

export async function startNode(stack: Stack, options: NodeOptions, signal: AbortSignal): Promise<Node> {
  const name = `node-${randomBytes(3).toString("hex")}`;
  const root = await mkdtemp(join(stack.directory, "n-"));
  const endings: (() => Promise<unknown> | void)[] = [];
  const stop = async () => {
    for (const end of endings.splice(0).reverse()) await end();
  };
  try {
    shareMounts(root);
    endings.push(() => unmountAll(root));
    const paths = nodePaths(root);
    await mkdir(paths.providers);
    const providers = new Map<string, Keymount>();
    for (const [provider, how] of Object.entries(options.providers ?? { vault: {} })) {
      const location = { provider, sockets: paths.providers, logs: join(stack.logs, name) };
      const env = { NODE_NAME: name, ...how.env };
      const keymount = await startKeymount(stack, { ...location, ...how, env }, signal);
      providers.set(provider, keymount);
      endings.push(keymount.stop);
    }
    const driver = await startCsiDriver(stack, { version: options.driver, nodeName: name, root, ...options }, signal);
    endings.push(driver.stop);
    const kubelet = new Kubelet(stack, name, root, paths.csiSocket);
    endings.push(() => kubelet.close());
    await untilReady(driver, () => kubelet.driverAnswers(), signal);
    const provider = (wanted = "vault") => {
      const keymount = providers.get(wanted);
      if (!keymount) throw new Error(`${name} has no provider ${wanted}`);
      return keymount;
    };
    return { name, kubelet, provider, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
