import { join } from "node:path";
import { freePorts } from "../../dev/testing/free-ports.js";
import { runProgram, untilReady } from "./running-program.js";

/** One etcd member on loopback, which forgets nothing but does not wait for the disk. */
export async function startEtcd({ directory, logs }: { directory: string; logs: string }, signal: AbortSignal) {
  const ports = await freePorts("client", "peer");
  const address = `http://127.0.0.1:${ports.client}`;
  const peer = `http://127.0.0.1:${ports.peer}`;
  const program = runProgram({
    name: "etcd",
    command: "etcd",
    args: [
      `--data-dir=${join(directory, "etcd")}`,
      `--listen-client-urls=${address}`,
      `--advertise-client-urls=${address}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      "--unsafe-no-fsync",
    ],
    log: join(logs, "etcd.log"),
  });
  await untilReady(program, () => healthy(`${address}/health`), signal);
  return { address, stop: program.stop };
}

async function healthy(url: string): Promise<void> {
  const { status } = await fetch(url);
  if (status !== 200) throw new Error(`${url} answers ${status}`);
}
