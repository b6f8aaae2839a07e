import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Helm } from "../stack/helm.js";

export const manifestsFile = join(import.meta.dirname, "..", "..", "deploy", "manifests", "keymount.yaml");

const head = `# Rendered from deploy/chart by \`npm run manifests\`; do not edit. Change the address of Vault before you apply it:
# https://vault.example:8200, in the ConfigMap.
apiVersion: v1
kind: Namespace
metadata:
  name: keymount
  labels:
    # The sockets' directory is the node's.
    pod-security.kubernetes.io/enforce: privileged
`;

/** The chart with the least values, as plain manifests of the namespace `keymount`. */
export async function renderManifests(helm: Helm, signal: AbortSignal): Promise<string> {
  const values = { vault: { address: "https://vault.example:8200" } };
  const text = await helm.template("keymount", "keymount", values, signal);
  return `${head}${text.replace(/^ *(app.kubernetes.io\/managed-by: Helm|helm.sh\/chart: .*)\n/gm, "").replace(/^# Source: .*\n/gm, "")}`;
}

export const manifests = () => readFile(manifestsFile, "utf8");
