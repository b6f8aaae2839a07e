import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { makeIdentity } from "../../../dev/testing/certificates.js";
import { eventually } from "../../stack/eventually.js";
import { KubeError, type KubeObject } from "../../stack/kube-api.js";
import { atRest } from "../stack/at-rest.js";
import type { RunningPod } from "../stack/running-pod.js";
import { createFixture } from "../stack/fixture.js";

interface SecretObject extends KubeObject {
  metadata: KubeObject["metadata"] & { ownerReferences?: { name: string }[] };
  type: string;
  data: Record<string, string>;
}

const { cluster, app, workloads, signal } = await createFixture("sync");
const named = (name: string) => ({ apiVersion: "v1", kind: "Secret", metadata: { name, namespace: app.namespace } });

/** A Secret of the API server's, as its users read it. */
async function secret(name: string): Promise<{ type: string; data: Record<string, string> }> {
  const { type, data } = await app.kube.get<SecretObject>(named(name));
  const decoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64").toString()]);
  return { type, data: Object.fromEntries(decoded) as Record<string, string> };
}

const becomes = (name: string, type: string, data: Record<string, string>) =>
  eventually(async () => expect(await secret(name)).toEqual({ type, data }), signal);

/**
 * Whose end is the Secret's: the pods' status objects, or the pods' ReplicaSet. The driver says so some seconds after it
 * made the Secret, and again after each change (secretproviderclasspodstatus_controller.go, Patcher).
 */
const isOwnedBy = (name: string, owners: readonly unknown[]) =>
  eventually(async () => {
    const { metadata } = await app.kube.get<SecretObject>(named(name));
    const found = metadata.ownerReferences?.map((owner) => owner.name) ?? [];
    expect(found.sort()).toEqual([...owners].sort());
  }, signal);

async function isGone(name: string): Promise<void> {
  const status = await secret(name).then(
    () => 200,
    (error: unknown) => (error instanceof KubeError ? error.status : error),
  );
  expect(status).toBe(404);
}

/** A class whose one file becomes these keys of that Secret; what lies in Vault is `value`. */
async function classFor(secretName: string, type: string, value: string, keys: readonly string[]) {
  await app.vault.writeSecret(`${app.namespace}/${secretName}`, { value });
  const secretPath = `secret/data/${app.namespace}/${secretName}`;
  const data = keys.map((key) => ({ objectName: "file", key }));
  return app.createClass(
    { objects: [{ objectName: "file", secretPath, secretKey: "value", refreshInterval: "1s" }] },
    { secretObjects: [{ secretName, type, data }] },
  );
}

// The driver re-encodes the key as PKCS #1 or SEC 1 (secretutil/secret.go).
test.concurrent.each([
  ["rsa", /^-----BEGIN RSA PRIVATE KEY-----/],
  ["ec", /^-----BEGIN EC PRIVATE KEY-----/],
] as const)(
  "a certificate and its %s key in one file become a kubernetes.io/tls Secret",
  async (keyType, beginning) => {
    const { cert, key } = makeIdentity({ commonName: "web.example", keyType });
    const name = `web-${keyType}`;
    const secretProviderClass = await classFor(name, "kubernetes.io/tls", key + cert, ["tls.key", "tls.crt"]);
    await workloads.runPod({ volumes: { secrets: { secretProviderClass } } }, signal);

    const { type, data } = await eventually(() => secret(name), signal);

    expect(type).toBe("kubernetes.io/tls");
    expect(data["tls.crt"]?.trim()).toBe(cert.trim());
    expect(data["tls.key"]).toMatch(beginning);
  },
);

test.concurrent("a registry's credentials become a kubernetes.io/dockerconfigjson Secret", async () => {
  const type = "kubernetes.io/dockerconfigjson";
  const config = JSON.stringify({ auths: { "registry.example": { auth: "YXBwOmh1bnRlcjI=" } } });
  const secretProviderClass = await classFor("pull", type, config, [".dockerconfigjson"]);
  await workloads.runPod({ volumes: { secrets: { secretProviderClass } } }, signal);

  await becomes("pull", type, { ".dockerconfigjson": config });
});

test.concurrent("an Opaque Secret follows Vault, is there as long as a pod with the class is, and goes with the last", async () => {
  const secretProviderClass = await classFor("db", "Opaque", "1", ["password"]);
  const volumes = { secrets: { secretProviderClass } };
  const run = () => workloads.runPod({ volumes }, signal);
  const [first, last] = await Promise.all([run(), run()]);
  const statusOf = (pod: RunningPod) => workloads.podStatus(pod.name, secretProviderClass).metadata.name;
  await becomes("db", "Opaque", { password: "1" });

  await app.vault.writeSecret(`${app.namespace}/db`, { value: "2" });
  await becomes("db", "Opaque", { password: "2" });

  await isOwnedBy("db", [statusOf(first), statusOf(last)]);
  await workloads.removePod(first.name, signal);
  await isOwnedBy("db", [statusOf(last)]);
  expect(await secret("db")).toEqual({ type: "Opaque", data: { password: "2" } });

  await workloads.removePod(last.name, signal);
  await eventually(() => isGone("db"), signal);
});

test.concurrent("the Secret of a Deployment's pods outlives a scaling to none, and goes with the Deployment", async () => {
  const secretProviderClass = await classFor("web-app", "Opaque", "1", ["password"]);
  const deployment = await workloads.createDeployment({ volumes: { secrets: { secretProviderClass } } });
  await workloads.running(deployment, 1, signal);
  await isOwnedBy("web-app", [expect.stringMatching(`^${deployment}-\\w+$`)]);

  await workloads.scale(deployment, 0);
  await workloads.running(deployment, 0, signal);
  expect(await secret("web-app")).toEqual({ type: "Opaque", data: { password: "1" } });

  await workloads.removeDeployment(deployment, signal);
  await eventually(() => isGone("web-app"), signal);
});

test.concurrent("with encryption at rest, nothing in etcd holds the value in plain text", async () => {
  const canary = randomBytes(24).toString("hex");
  const secretProviderClass = await classFor("encrypted", "Opaque", canary, ["password"]);
  await workloads.runPod({ volumes: { secrets: { secretProviderClass } } }, signal);
  await becomes("encrypted", "Opaque", { password: canary });
  // Not encrypted, so that the test would see it.
  const configMap = { metadata: { name: "plain", namespace: app.namespace }, data: { password: canary } };
  await app.kube.create({ apiVersion: "v1", kind: "ConfigMap", ...configMap });

  const objects = await atRest(cluster.etcd, app.namespace);

  const shows = (bytes: Buffer) =>
    [canary, Buffer.from(canary).toString("base64")].some((text) => bytes.includes(text));
  const showing = Object.entries(objects).filter(([, bytes]) => shows(bytes));
  expect(showing.map(([key]) => key)).toEqual([`/registry/configmaps/${app.namespace}/plain`]);
  const stored = objects[`/registry/secrets/${app.namespace}/encrypted`];
  expect(stored?.toString("latin1")).toMatch(/^k8s:enc:secretbox:v1:key1:/);
});
