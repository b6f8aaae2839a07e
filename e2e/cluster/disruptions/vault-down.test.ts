import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { eventually } from "../../stack/eventually.js";
import { republishMs } from "../stack/kubelet.js";
import { createFixture } from "../stack/fixture.js";
import { twoFiles } from "../stack/two-files.js";

const { cluster, app, workloads, services, signal, atTheEnd } = await createFixture("down", "alone");
atTheEnd(() => services.start("vault"));

test.each([
  ["sealed", () => app.vault.request("PUT", "sys/seal")],
  ["stopped", () => services.stop("vault")],
])(
  "while Vault is %s, a new pod waits and a running one keeps its files; afterwards both have the newest",
  async (label, end) => {
    const secret = await twoFiles(cluster, app, { label });
    const endWatch = secret.watch();
    const old = await workloads.runPod({ volumes: secret.volumes }, signal);

    await end();
    const name = await workloads.createPod({ volumes: secret.volumes });
    await sleep(republishMs, undefined, { signal });
    expect(await old.texts(secret.volume)).toEqual(secret.texts("1"));
    await services.start("vault");
    await secret.write("2");

    const [pod] = await workloads.running(name, 1, signal);
    for (const each of [pod!, old]) {
      await eventually(async () => expect(await each.texts(secret.volume)).toEqual(secret.texts("2")), signal, 120_000);
    }
    expect(await endWatch()).toEqual({ pods: 2, lacking: [] });
  },
);
