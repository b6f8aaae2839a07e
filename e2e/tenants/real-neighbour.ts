import type { Application } from "../stack/application.js";
import type { Node } from "../stack/node.js";
import type { Volume } from "../stack/volume.js";
import { type Neighbour, timed } from "./neighbour.js";

const secrets = Array.from({ length: 10 }, (_, n) => `s${n}`);
/** Volumes that are served all the time, and read again every 5 s. */
const held = 4;
/** The chart's liveness probe. */
const probeTimeoutMs = 5_000;

/** A tenant of the real stack whose pods mount ten KV secrets through the real driver. */
export async function createRealNeighbour(app: Application, node: Node, signal: AbortSignal): Promise<Neighbour> {
  const value = (name: string) => `value of ${name} `.repeat(50);
  for (const name of secrets) await app.vault.writeSecret(`${app.namespace}/${name}`, { value: value(name) });
  const wanted = Object.fromEntries(secrets.map((name) => [name, value(name)]));
  const className = await app.createClass({
    refreshInterval: "5s",
    objects: secrets.map((name) => ({
      objectName: name,
      secretPath: `secret/data/${app.namespace}/${name}`,
      secretKey: "value",
    })),
  });
  const volumes = await Promise.all(Array.from({ length: held }, () => app.podVolume(node, className)));
  for (const volume of volumes) await volume.publish(signal);
  const checked = async (volume: Volume) => {
    const texts = await volume.texts();
    if (secrets.some((name) => texts[name] !== wanted[name]))
      throw new Error("a volume has not the files it should have");
  };
  return {
    mountNew: async () => {
      const volume = await app.podVolume(node, className);
      try {
        const ms = await timed(() => volume.publish(signal));
        await checked(volume);
        return ms;
      } finally {
        void leave(volume);
      }
    },
    republish: async (turn) => {
      const volume = volumes[turn % held]!;
      const ms = await timed(() => volume.publish(signal));
      await checked(volume);
      return ms;
    },
    probe: async () => {
      // As a kubelet probes: on a connection of its own.
      const { status } = await fetch(`${node.provider().health}/livez`, {
        headers: { connection: "close" },
        signal: AbortSignal.timeout(probeTimeoutMs),
      });
      if (status !== 200) throw new Error(`/livez answers ${status}`);
    },
  };
}

/** As a rollout has it: the volume, then the pod's object. One that was refused has no volume. */
async function leave(volume: Volume): Promise<void> {
  await volume.unpublish().catch(() => undefined);
  await volume.kubelet.deletePod(volume.pod).catch(() => undefined);
}
