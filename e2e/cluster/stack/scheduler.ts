import { join } from "node:path";
import type { Binaries } from "../../stack/programs.js";
import { Service } from "../../stack/service.js";

/** kube-scheduler with the administrator's rights. */
export async function startScheduler(
  { binaries, logs, kubeconfig }: { binaries: Binaries; logs: string; kubeconfig: string },
  signal: AbortSignal,
): Promise<Service> {
  const service = new Service({
    name: "kube-scheduler",
    command: binaries["kube-scheduler"],
    args: [
      `--kubeconfig=${kubeconfig}`,
      `--authentication-kubeconfig=${kubeconfig}`,
      `--authorization-kubeconfig=${kubeconfig}`,
      "--leader-elect=false",
      "--secure-port=0",
    ],
    log: join(logs, "kube-scheduler.log"),
    ready: async () => undefined,
  });
  await service.start(signal);
  return service;
}
