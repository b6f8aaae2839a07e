import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { grantVaultRole } from "../../stack/application.js";
import { eventually } from "../../stack/eventually.js";
import { type RaftNode, startVaultRaft } from "../../stack/vault-raft.js";
import { enableKubernetesAuth } from "../../stack/vault-kubernetes-auth.js";
import { addresses } from "../stack/addresses.js";
import { installBefore } from "../stack/instance-before.js";
import { makeRaftNetwork } from "../stack/raft-network.js";
import { createFixture } from "../stack/fixture.js";
import { twoFiles } from "../stack/two-files.js";
import { writeTls } from "../stack/vault.js";

const { cluster, app, workloads, signal, atTheEnd } = await createFixture("raft");

const network = await makeRaftNetwork(3);
atTheEnd(network.stop);
const directory = join(cluster.directory, "raft");
await mkdir(directory);
const tls = await writeTls(directory, network.ips);
const listeners = network.ips.map((ip, index) => ({ ...addresses.raft, ip, tls, netns: network.namespaces[index]! }));
const logs = join(cluster.logs, "raft");
const raft = await startVaultRaft({ binary: cluster.binaries.vault, directory, logs, size: 3, listeners }, signal);
atTheEnd(raft.stop);

const first = await raft.leader();
await first.api.request("POST", "sys/mounts/secret", { type: "kv", options: { version: "2" } });
await enableKubernetesAuth(first.api.access, cluster.kubernetes);
await grantVaultRole(first.api, app.namespace);
const vaults = { raft: { addresses: raft.nodes.map(({ address }) => address), ca: tls.ca } };
atTheEnd(await installBefore(cluster, app.kube, "raft", vaults, signal));

type Heal = () => Promise<void>;

const faults: [string, (leader: RaftNode) => Promise<Heal>][] = [
  [
    "the leader is killed",
    async (leader) => {
      await leader.end("SIGKILL");
      return async () => {
        await leader.start();
        await leader.unseal();
      };
    },
  ],
  [
    "the leader is sealed",
    async (leader) => {
      await leader.seal();
      return leader.unseal;
    },
  ],
  [
    "the network is cut between the leader and another",
    async (leader) => {
      // The first of those left is the one that keymount prefers, where it may.
      const other = raft.nodes.find((node) => node !== leader)!;
      const pair = [hostOf(leader), hostOf(other)] as const;
      expect(await network.reaches(...pair)).toBe(true);
      const heal = await network.cut(...pair);
      expect(await network.reaches(...pair)).toBe(false);
      return heal;
    },
  ],
];

test.each(faults)(
  "of three Vaults, %s: pods that start get their files while it lasts, running ones the newest",
  async (label, breaks) => {
    const secret = await twoFiles(
      cluster,
      { ...app, vault: (await raft.leader()).api },
      { label: label.replaceAll(" ", "-") },
      { provider: "raft" },
    );
    const endWatch = secret.watch();
    const old = await workloads.runPod({ volumes: secret.volumes }, signal);
    const deployment = await workloads.createDeployment({ volumes: secret.volumes }, 4);

    const heal = await breaks(await raft.leader());
    try {
      const pods = await workloads.running(deployment, 4, signal);
      await eventually(async () => secret.write("2", (await raft.leader()).api), signal);
      const late = await workloads.runPod({ volumes: secret.volumes }, signal);
      for (const pod of [late, ...pods, old]) {
        await eventually(async () => expect(await pod.texts(secret.volume)).toEqual(secret.texts("2")), signal, 90_000);
      }
    } finally {
      await heal();
    }
    expect(await endWatch()).toEqual({ pods: 6, lacking: [] });
  },
);

const hostOf = ({ address }: RaftNode) => new URL(address).hostname;
