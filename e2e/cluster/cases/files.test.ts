import { expect, test } from "vitest";
import { setScene } from "../stack/scene.js";

const { app, workloads, signal } = await setScene("files");

test("a Deployment's pods get the files of their class", async () => {
  await app.vault.writeSecret(`${app.namespace}/db`, { password: "hunter2" });
  const secretProviderClass = await app.createClass({
    objects: [{ objectName: "password", secretPath: `secret/data/${app.namespace}/db`, secretKey: "password" }],
  });
  const deployment = await workloads.createDeployment({ volumes: { secrets: { secretProviderClass } } }, 2);
  for (const pod of await workloads.running(deployment, 2, signal)) {
    expect(await pod.texts("secrets")).toEqual({ password: "hunter2" });
  }
});
