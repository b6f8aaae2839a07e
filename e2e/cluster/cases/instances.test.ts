import { expect, test } from "vitest";
import { installInstance } from "../stack/keymount.js";
import { socketFolders } from "../stack/node.js";
import { startOtherProvider } from "../stack/other-provider.js";
import { createFixture } from "../stack/fixture.js";

const { cluster, app, workloads, signal, atTheEnd } = await createFixture("instances");

test("one pod gets volumes from two instances of keymount and from a provider of another kind", async () => {
  atTheEnd(await installInstance(cluster, { name: "openbao" }, signal));
  const contents = Buffer.from("of another kind");
  const files = [{ path: "other", mode: 0o644, contents }];
  const answer = { objectVersion: [{ id: "other", version: "1" }], error: undefined, files };
  atTheEnd(await startOtherProvider(socketFolders.usual, "other", () => answer));
  await app.vault.writeSecret(`${app.namespace}/db`, { password: "hunter2" });
  const openbaoRole = `${app.namespace}-openbao`;
  await app.vault.writeRole(openbaoRole, {
    namespaces: [app.namespace],
    serviceAccounts: [app.serviceAccount],
    policies: [app.namespace],
    audience: "openbao",
  });
  const objects = [{ objectName: "password", secretPath: `secret/data/${app.namespace}/db`, secretKey: "password" }];
  const [vault, openbao, other] = [
    await app.createClass({ objects }),
    await app.createClass({ roleName: openbaoRole, objects }, { provider: "openbao" }),
    await app.createClass({}, { provider: "other" }),
  ];

  const volumes = {
    vault: { secretProviderClass: vault },
    openbao: { secretProviderClass: openbao },
    other: { secretProviderClass: other },
  };
  const pod = await workloads.runPod({ volumes }, signal);

  expect(await pod.texts("vault")).toEqual({ password: "hunter2" });
  expect(await pod.texts("openbao")).toEqual({ password: "hunter2" });
  expect(await pod.texts("other")).toEqual({ other: "of another kind" });
  // One key for the cluster: the same bytes have the same version, whichever instance serves them.
  expect(await workloads.versions(pod.name, openbao)).toEqual(await workloads.versions(pod.name, vault));
});
