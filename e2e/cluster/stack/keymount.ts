import type { Cluster } from "./cluster.js";

export async function installKeymount(_cluster: Cluster, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
}
