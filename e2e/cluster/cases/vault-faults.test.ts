import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { eventually } from "../../stack/eventually.js";
import { installBefore } from "../stack/instance-before.js";
import { type Fault, type FaultyProxy, startFaultyProxy } from "../stack/faulty-proxy.js";
import { republishMs } from "../stack/kubelet.js";
import { createFixture } from "../stack/fixture.js";
import { twoFiles } from "../stack/two-files.js";

const { cluster, app, workloads, signal, atTheEnd } = await createFixture("faults");

const faults: Readonly<Record<string, Fault>> = {
  "answers-429": { status: 429 },
  "answers-500": { status: 500 },
  "answers-503": { status: 503 },
  // Longer than keymount's timeout of one request.
  "answers-too-late": { delayMs: 60_000 },
  "does-not-answer": "cut",
};
const proxies: Record<string, FaultyProxy> = {};
for (const name of Object.keys(faults)) {
  proxies[name] = await startFaultyProxy(cluster.vault);
  atTheEnd(proxies[name].stop);
}
atTheEnd(await installBefore(cluster, app.kube, "faulty", proxies, signal));

test.concurrent.each(Object.entries(faults))(
  "while Vault %s, a new pod waits and a running one keeps its files; afterwards both have the newest",
  async (connection, fault) => {
    const secret = await twoFiles(cluster, app, { label: connection, connection }, { provider: "faulty" });
    const endWatch = secret.watch();
    const old = await workloads.runPod({ volumes: secret.volumes }, signal);
    const proxy = proxies[connection]!;

    // Not before: where another pod's request has met the fault, keymount makes none for a new pod until Vault is well.
    proxy.faultFromNextPod(fault);
    const name = await workloads.createPod({ volumes: secret.volumes });
    await eventually(() => expect(proxy.met(name)).toBeGreaterThan(0), signal);
    await secret.write("2");
    // The running pod's turn; keymount need not ask again on its behalf what it knows to fail.
    await sleep(republishMs, undefined, { signal });
    expect(await old.texts(secret.volume)).toEqual(secret.texts("1"));
    proxy.fault();

    const [pod] = await workloads.running(name, 1, signal);
    expect(await pod!.texts(secret.volume)).toEqual(secret.texts("2"));
    await eventually(async () => expect(await old.texts(secret.volume)).toEqual(secret.texts("2")), signal, 120_000);
    expect(await endWatch()).toEqual({ pods: 2, lacking: [] });
  },
);
