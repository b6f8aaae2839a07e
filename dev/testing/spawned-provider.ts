import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { bundle } from "../../scripts/bundle.js";
import { DriverClient, type MountOutcome } from "../../src/driver/driver-client.js";
import { mountRequest } from "../../src/driver/mount-request.js";
import { writeBuilt } from "./built-files.js";
import { builtWorker } from "./built-worker.js";
import { imageEnvironment, imageFlags } from "./image.js";
import { temporaryDirectory } from "./rpc-server.js";

/** keymount in a process of its own, with the image's flags of Node. */
export interface SpawnedProvider {
  readonly pid: number;
  /** A Mount for `namespace/name`, whose service account has the pod's name; of a class's `objects`, or all its parameters. */
  mount(
    pod: { namespace: string; name: string },
    asked: string | Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<MountOutcome>;
  /** Whether it still runs. */
  alive(): boolean;
  /** MiB resident at most so far, less what the kernel can take back (pages of files); 0 where the system does not tell. */
  peakMemory(): number;
  logText(): string;
}

let building: Promise<string> | undefined;

async function build(): Promise<string> {
  const [{ code }] = await Promise.all([bundle(), builtWorker(), writeBuilt("package.json", '{"type":"module"}')]);
  return writeBuilt("keymount.js", code);
}

/** Starts it in front of a Vault at `address`; it ends with the test, which says how where it runs beside others. */
export async function spawnProvider(address: string, atTheEnd = onTestFinished): Promise<SpawnedProvider> {
  const file = await (building ??= build());
  const directory = await temporaryDirectory(atTheEnd);
  const [socketPath, keyFile] = [join(directory, "vault.sock"), join(directory, "key")];
  await writeFile(keyFile, Buffer.alloc(32, 7));
  const told = [`--endpoint=${socketPath}`, `--vault-addr=${address}`, `--key-file=${keyFile}`];
  const child = spawn(process.execPath, [...imageFlags, file, "serve", "--health-addr=127.0.0.1:0", ...told], {
    env: imageEnvironment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece: Buffer) => (log += piece.toString()));
  const ended = once(child, "exit");
  const alive = () => child.exitCode === null && child.signalCode === null;
  atTheEnd(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  for (let waited = 0; !existsSync(socketPath); waited += 10) {
    if (!alive() || waited > 15_000) throw new Error(`keymount did not start:\n${log}`);
    await sleep(10);
  }
  return {
    pid: child.pid!,
    async mount({ namespace, name }, asked, signal = new AbortController().signal) {
      const parameters = typeof asked === "string" ? { objects: asked } : asked;
      const client = new DriverClient(socketPath, { timeoutMs: 120_000 });
      const pod = { namespace, name, uid: `uid-${name}`, serviceAccount: name };
      const tokens = { vault: { token: tokenOf(pod), expirationTimestamp: "2100-01-01T00:00:00Z" } };
      try {
        const request = mountRequest({ pod, tokens, parameters: { roleName: "web", ...parameters } });
        return await client.mount(request, signal);
      } finally {
        client.close();
      }
    },
    alive,
    peakMemory: () => memoryOf(child.pid!),
    logText: () => log,
  };
}

/** VmHWM less RssFile of proc_pid_status(5). */
function memoryOf(pid: number): number {
  const file = `/proc/${pid}/status`;
  if (!existsSync(file)) return 0;
  const status = readFileSync(file, "utf8");
  const mebibytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0) / 1024;
  return Math.round(mebibytes("VmHWM") - mebibytes("RssFile"));
}

/** Not signed: the Vault of these tests accepts every token. */
function tokenOf({ namespace, name, uid, serviceAccount }: Parameters<typeof mountRequest>[0]["pod"]): string {
  const kubernetes = {
    namespace,
    serviceaccount: { name: serviceAccount, uid: `sa-${serviceAccount}` },
    pod: { name, uid },
  };
  const claims = { aud: ["vault"], exp: Math.floor(Date.now() / 1000) + 3600, sub: "x", "kubernetes.io": kubernetes };
  return ["{}", JSON.stringify(claims), "x"].map((part) => Buffer.from(part).toString("base64url")).join(".");
}
