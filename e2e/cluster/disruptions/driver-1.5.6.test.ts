import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../../stack/eventually.js";
import type { KubeObject } from "../../stack/kube-api.js";
import { createFixture } from "../stack/fixture.js";

const { app, workloads, services, signal } = await createFixture("driver-1-5-6", "alone");

beforeAll(async () => {
  await services.stop("csi-driver-1.6.0");
  await services.start("csi-driver-1.5.6");
});

afterAll(async () => {
  await services.stop("csi-driver-1.5.6");
  await services.start("csi-driver-1.6.0");
});

// It rotates by a clock of its own, every 10 s here, and asks for the pods' tokens itself then.
test("driver 1.5.6 mounts, rotates and syncs", async () => {
  const password = async () => {
    const name = { apiVersion: "v1", kind: "Secret", metadata: { name: "db", namespace: app.namespace } };
    const { data } = await app.kube.get<KubeObject & { data: Record<string, string> }>(name);
    return Buffer.from(data["password"] ?? "", "base64").toString();
  };
  await app.vault.writeSecret(`${app.namespace}/db`, { password: "1" });
  const secretPath = `secret/data/${app.namespace}/db`;
  const secretProviderClass = await app.createClass(
    { objects: [{ objectName: "password", secretPath, secretKey: "password", refreshInterval: "1s" }] },
    { secretObjects: [{ secretName: "db", type: "Opaque", data: [{ objectName: "password", key: "password" }] }] },
  );

  const pod = await workloads.runPod({ volumes: { secrets: { secretProviderClass } } }, signal);
  expect(await pod.texts("secrets")).toEqual({ password: "1" });
  await eventually(async () => expect(await password()).toBe("1"), signal);
  const before = await workloads.versions(pod.name, secretProviderClass);

  await app.vault.writeSecret(`${app.namespace}/db`, { password: "2" });
  await eventually(async () => expect(await pod.texts("secrets")).toEqual({ password: "2" }), signal);
  await eventually(async () => expect(await password()).toBe("2"), signal);
  expect(await workloads.versions(pod.name, secretProviderClass)).not.toEqual(before);
});
