import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { imageEnvironment } from "../dev/testing/image.js";
import { type ProviderProcess, startProcess } from "./provider-process.js";
import { processDirectory } from "../dev/testing/process-directory.js";
import type { BenchVault } from "./vault.js";

/** A provider under measurement. */
export interface Provider extends ProviderProcess {
  /** A sample of `/metrics`: the sum over all labels; `NaN` of one that has no metrics. */
  metric(name: string): Promise<number>;
}

/** As the image has it, filled by the first start; Node 20 knows none. */
const compileCache = join(import.meta.dirname, "..", ".cache", "compiled");

/** The Node that runs keymount. */
export interface NodeBinary {
  path: string;
  flags: readonly string[];
}

export interface ProviderOptions {
  /** Whether it keeps state, on a tmpfs as on a node. */
  state?: boolean;
  /** An operator's file, which names the Vault; otherwise the address alone is given. */
  settings?: object;
}

/** Starts `dist/keymount.js serve` in the image's environment. */
export async function startProvider(
  node: NodeBinary,
  { address, caFile }: Pick<BenchVault, "address" | "caFile">,
  { state = false, settings }: ProviderOptions = {},
): Promise<Provider> {
  const stateDirectory = await processDirectory("/dev/shm/km-bench-");
  const env = { NODE_COMPILE_CACHE: compileCache, ...imageEnvironment };
  const started = await startProcess("keymount", env, async ({ directory, socketPath, healthAddress }) => {
    const [keyFile, configFile] = [join(directory, "key"), join(directory, "keymount.yaml")];
    await writeFile(keyFile, Buffer.alloc(32, 7));
    if (settings) await writeFile(configFile, JSON.stringify(settings));
    return [
      node.path,
      ...node.flags,
      "dist/keymount.js",
      "serve",
      `--endpoint=unix://${socketPath}`,
      ...(settings ? [`--config=${configFile}`] : [`--vault-addr=${address}`]),
      ...(caFile === undefined ? [] : [`--vault-tls-ca-cert=${caFile}`]),
      `--key-file=${keyFile}`,
      `--health-addr=${healthAddress}`,
      ...(state ? [`--state-dir=${stateDirectory.path}`] : []),
    ];
  });
  return {
    ...started,
    metric: async (name) => sumOf(name, await (await fetch(`${started.health}/metrics`)).text()),
    async stop() {
      await started.stop();
      await stateDirectory.remove();
    },
  };
}

/** Zero where it has no sample yet. */
function sumOf(name: string, exposition: string): number {
  const samples = exposition.split("\n").filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}
