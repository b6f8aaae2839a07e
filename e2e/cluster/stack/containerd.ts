import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { Service } from "../../stack/service.js";
import { addresses } from "./addresses.js";

const run = promisify(execFile);

export interface Containerd {
  readonly service: Service;
  readonly socket: string;
}

/** containerd with a root, a state and a bridge of its own, and these images in it. */
export async function startContainerd(
  { directory, logs, images }: { directory: string; logs: string; images: readonly string[] },
  signal: AbortSignal,
): Promise<Containerd> {
  const folder = join(directory, "containerd");
  const socket = join(folder, "c.sock");
  const network = join(folder, "cni");
  await mkdir(network, { recursive: true });
  await writeFile(join(network, "10-bridge.conflist"), JSON.stringify(bridge(folder)));
  const config = join(folder, "config.toml");
  await writeFile(config, configText(folder, socket, network));
  const service = new Service({
    name: "containerd",
    command: "containerd",
    args: [`--config=${config}`],
    log: join(logs, "containerd.log"),
    stopSignal: "SIGTERM",
    ready: () => run("ctr", [`--address=${socket}`, "version"]),
  });
  await service.start(signal);
  for (const image of images) {
    await run("ctr", [`--address=${socket}`, "--namespace=k8s.io", "images", "import", image], { signal });
  }
  return { service, socket };
}

const configText = (folder: string, socket: string, network: string) => `version = 2
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = ["io.containerd.internal.v1.opt"]

[grpc]
address = "${socket}"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "localhost/pause:e2e"
# Without CAP_SYS_RESOURCE, which sandboxed machines lack, runc cannot lower it and every container fails.
restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "${network}"
`;

const bridge = (folder: string) => ({
  cniVersion: "1.0.0",
  name: "pods",
  plugins: [
    {
      type: "bridge",
      bridge: "km0",
      isGateway: true,
      ipam: {
        type: "host-local",
        dataDir: join(folder, "ipam"),
        ranges: [[{ subnet: addresses.podSubnet }]],
        routes: [{ dst: "0.0.0.0/0" }],
      },
    },
  ],
});
