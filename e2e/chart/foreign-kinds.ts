import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { KubeObject } from "../stack/kube-api.js";

const run = promisify(execFile);
const schemas = join(import.meta.dirname, "schemas");
const known = readdirSync(schemas);

/** Kinds of the Prometheus operator, OpenShift, Argo CD and Flux: the API server here has no definitions of them; schemas/ has. */
export const isForeign = ({ kind }: KubeObject) => known.includes(`${kind.toLowerCase()}.json`);

/** Has kubeconform hold such an object to its schema; throws what it says. */
export async function conforms(kubeconform: string, object: KubeObject, signal: AbortSignal): Promise<void> {
  const location = join(schemas, "{{.ResourceKind}}.json");
  const running = run(kubeconform, ["-strict", "-schema-location", location, "-"], { signal });
  running.child.stdin!.end(JSON.stringify(object));
  await running.catch((error: Error & { stdout?: string }) => {
    throw new Error(error.stdout || error.message, { cause: error });
  });
}
