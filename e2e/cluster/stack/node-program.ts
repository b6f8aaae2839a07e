import { join } from "node:path";
import { build } from "rolldown";
import type { Application } from "../../stack/application.js";
import { keymountImage } from "./keymount.js";
import type { PodProgram } from "./workloads.js";

/** One of e2e/cluster/programs as what a pod runs: in one file of a ConfigMap, in the image that has Node. */
export async function nodeProgram(
  { kube, namespace }: Application,
  name: string,
  ...args: readonly string[]
): Promise<PodProgram> {
  const input = join(import.meta.dirname, "..", "programs", `${name}.ts`);
  const { output } = await build({
    input,
    platform: "node",
    // A faster driver of the database, in C++, if it is installed.
    external: ["pg-native"],
    output: { format: "esm", codeSplitting: false },
    write: false,
    logLevel: "silent",
  });
  const metadata = { name, namespace };
  await kube.create({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { [`${name}.mjs`]: output[0].code } });
  return { image: keymountImage, command: ["node", `/program/${name}.mjs`, ...args], configMap: name };
}
