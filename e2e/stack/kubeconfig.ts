import { writeFile } from "node:fs/promises";
import type { KubeAccess } from "./kube-api.js";

/** Writes a kubeconfig for the holder of a token. JSON is YAML. */
export async function writeKubeconfig(path: string, access: KubeAccess): Promise<string> {
  const text = JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: "e2e",
        cluster: { server: access.server, "certificate-authority-data": Buffer.from(access.ca).toString("base64") },
      },
    ],
    users: [{ name: "holder", user: { token: access.token } }],
    contexts: [{ name: "e2e", context: { cluster: "e2e", user: "holder" } }],
    "current-context": "e2e",
  });
  await writeFile(path, text, { mode: 0o600 });
  return path;
}
