import { describe, expect, test } from "vitest";
import { auditedRequests } from "../stack/audit-log.js";
import { driverVersions } from "../stack/csi-driver.js";
import { createFixture } from "../stack/fixture.js";
import { Volume } from "../stack/volume.js";

describe.each(driverVersions)("driver %s", async (driver) => {
  const { stack, node, app, signal } = await createFixture("two", { driver, providers: { vault: {}, openbao: {} } });

  test("a pod gets one volume from each of two instances, each with the audience of its name", async () => {
    await app.vault.writeSecret(`${app.namespace}/db`, { password: "hunter2" });
    const role = `${app.namespace}-bao`;
    await app.vault.writeRole(role, {
      namespaces: [app.namespace],
      serviceAccounts: [app.serviceAccount],
      policies: [app.namespace],
      audience: "openbao",
    });
    const objects = [{ objectName: "password", secretPath: `secret/data/${app.namespace}/db`, secretKey: "password" }];
    const volumes = {
      first: { secretProviderClass: await app.createClass({ objects }) },
      second: { secretProviderClass: await app.createClass({ roleName: role, objects }, { provider: "openbao" }) },
    };
    const { namespace, serviceAccount } = app;
    const pod = await node.kubelet.createPod({ namespace, serviceAccount, volumes });
    const [first, second] = [new Volume(node.kubelet, pod, "first"), new Volume(node.kubelet, pod, "second")];

    await Promise.all([first.publish(signal), second.publish(signal)]);

    expect(await first.texts()).toEqual({ password: "hunter2" });
    expect(await second.texts()).toEqual({ password: "hunter2" });
    // One key for the cluster: the same bytes have the same version, whichever provider serves them.
    expect(await second.versions()).toEqual(await first.versions());
    const asked = (await auditedRequests(stack.vault.auditLog, app.namespace)).map(({ what }) => what);
    expect(asked.filter((what) => what === "login")).toHaveLength(2);
  });
});
