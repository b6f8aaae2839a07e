import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { serveHttp } from "../dev/testing/http-server.js";
import { makeIdentity } from "../dev/testing/certificates.js";
import type { Provider } from "./provider.js";
import { startProcess } from "./provider-process.js";
import type { BenchVault } from "./vault.js";

/** Where client-go looks for its service account (rest.InClusterConfig). */
const serviceAccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";
/** Of the Go provider; it reads the key anew for each Mount (internal/hmac/hmac.go). */
const hmacSecret = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "vault-csi-provider-hmac-key", namespace: "csi" },
  immutable: true,
  data: { key: Buffer.alloc(32, 7).toString("base64") },
};

/**
 * Starts another provider with the flags of the Go `vault-csi-provider` (main.go), which needs a Kubernetes API: one that has
 * its HMAC key and nothing else, and a service account in a mount namespace of its own. Needs root.
 */
export async function startPeer(
  file: string,
  { address, caFile }: Pick<BenchVault, "address" | "caFile">,
): Promise<Provider> {
  const tls = makeIdentity({ commonName: "kubernetes", names: ["127.0.0.1"], isCa: true });
  const path = `/api/v1/namespaces/${hmacSecret.metadata.namespace}/secrets/${hmacSecret.metadata.name}`;
  const api = await serveHttp(
    ({ url = "" }, response) => {
      const isKnown = new URL(url, "https://api").pathname === path;
      response.writeHead(isKnown ? 200 : 404, { "content-type": "application/json" });
      response.end(JSON.stringify(isKnown ? hmacSecret : { apiVersion: "v1", kind: "Status", code: 404 }));
    },
    { tls },
  );
  const env = { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: String(api.port) };
  try {
    const started = await startProcess(file, env, async ({ directory, socketPath, healthAddress }) => {
      const account = join(directory, "account");
      await mkdir(account);
      const files = { "ca.crt": tls.cert, token: "peer", namespace: hmacSecret.metadata.namespace };
      for (const [name, text] of Object.entries(files)) await writeFile(join(account, name), text);
      const inOwnNamespace = [
        "mount -t tmpfs tmpfs /var/run",
        `mkdir -p ${serviceAccountDirectory}`,
        `cp '${account}'/* ${serviceAccountDirectory}`,
        'exec "$0" "$@"',
      ].join(" && ");
      return [
        "unshare",
        "--mount",
        "--propagation=private",
        "sh",
        "-c",
        inOwnNamespace,
        resolve(file),
        `-endpoint=${socketPath}`,
        `-health-addr=${healthAddress}`,
        `-vault-addr=${address}`,
        ...(caFile === undefined ? [] : [`-vault-tls-ca-cert=${caFile}`]),
      ];
    });
    return {
      ...started,
      metric: () => Promise.resolve(Number.NaN),
      async stop() {
        await started.stop();
        await api.close();
      },
    };
  } catch (error) {
    await api.close();
    throw error;
  }
}
