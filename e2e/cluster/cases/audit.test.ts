import { createPublicKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { auditedRequests } from "../../stack/audit-log.js";
import { createFixture } from "../stack/fixture.js";

const { cluster, app, workloads, signal } = await createFixture("audit");
const objects = ["a", "b"].map((name) => ({
  objectName: name,
  secretPath: `secret/data/${app.namespace}/${name}`,
  secretKey: "key",
}));
for (const { objectName } of objects) await app.vault.writeSecret(`${app.namespace}/${objectName}`, { key: "1" });
const everything = ["login", ...objects.map(({ secretPath }) => `read ${secretPath}`)];

/** What Vault was asked for a pod with that class, once it runs. */
async function askedFor(secretProviderClass: string) {
  const pod = await workloads.runPod({ volumes: { secrets: { secretProviderClass } } }, signal);
  const header = `${app.namespace}/${pod.name}/${pod.uid}`;
  const asked = await auditedRequests(cluster.vault.auditLog, app.namespace);
  expect(asked.filter((request) => !request.pod)).toEqual([]);
  return { pod, asked: asked.filter((request) => request.pod === header) };
}

test("every request names the service account by its token, and the pod by the header that Vault is configured to log", async () => {
  const { data } = await app.vault.request("GET", "sys/config/auditing/request-headers/X-Keymount-Pod");
  expect(data).toEqual({ "X-Keymount-Pod": { hmac: false } });
  const secretProviderClass = await app.createClass({ objects });

  for (const { asked } of [await askedFor(secretProviderClass), await askedFor(secretProviderClass)]) {
    expect(asked.map(({ what }) => what).sort()).toEqual(everything);
    for (const { serviceAccount } of asked) expect(serviceAccount).toBe(`${app.namespace}/${app.serviceAccount}`);
  }
});

// The kubernetes auth method keeps only the service account of a token. The claims that a jwt mount is configured to keep are verified by Vault.
test("at a jwt mount with claim_mappings, every request names the pod that the token is bound to", async () => {
  const mount = `jwt-${app.namespace}`;
  await enableJwtAuth(mount);
  const secretProviderClass = await app.createClass({ vaultAuthMountPath: mount, objects });

  for (const { pod, asked } of [await askedFor(secretProviderClass), await askedFor(secretProviderClass)]) {
    expect(asked.map(({ what }) => what).sort()).toEqual(everything);
    for (const { metadata } of asked) {
      expect(metadata).toMatchObject({
        pod_name: pod.name,
        pod_uid: pod.uid,
        service_account_name: app.serviceAccount,
        service_account_namespace: app.namespace,
      });
    }
  }
});

/** Vault checks the cluster's tokens by itself then, with the public half of the key that signs them. */
async function enableJwtAuth(mount: string): Promise<void> {
  const publicKey = createPublicKey(await readFile(cluster.serviceAccountKey));
  await app.vault.request("POST", `sys/auth/${mount}`, { type: "jwt" });
  await app.vault.request("POST", `auth/${mount}/config`, {
    jwt_validation_pubkeys: [publicKey.export({ type: "spki", format: "pem" })],
  });
  await app.vault.request("POST", `auth/${mount}/role/${app.namespace}`, {
    role_type: "jwt",
    user_claim: "sub",
    bound_audiences: ["vault"],
    bound_claims: {
      "/kubernetes.io/namespace": app.namespace,
      "/kubernetes.io/serviceaccount/name": app.serviceAccount,
    },
    claim_mappings: {
      "/kubernetes.io/namespace": "service_account_namespace",
      "/kubernetes.io/serviceaccount/name": "service_account_name",
      "/kubernetes.io/pod/name": "pod_name",
      "/kubernetes.io/pod/uid": "pod_uid",
    },
    token_policies: [app.namespace],
  });
}
