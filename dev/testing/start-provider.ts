import { join } from "node:path";
import { onTestFinished } from "vitest";
import { loadOptions } from "../../src/config/load-options.js";
import { type DaemonParts, startDaemon } from "../../src/daemon/daemon.js";
import { DriverClient, type MountOutcome } from "../../src/driver/driver-client.js";
import { type Mounting, mountRequest } from "../../src/driver/mount-request.js";
import type { TokenMinter } from "../../src/mount/authenticate-pod.js";
import type { Clock } from "../../src/shared/clock.js";
import { systemClock } from "../../src/shared/clock.js";
import { Redacted } from "../../src/shared/redacted.js";
import { workerFile } from "./built-worker.js";
import { captureLog } from "./capture-log.js";
import { type ReadyVault, startReadyVault } from "./ready-vault.js";
import { temporaryDirectory } from "./rpc-server.js";

export interface ProviderSetting {
  /** The configuration file, below the default connection's address; YAML. */
  file?: string;
  argv?: readonly string[];
  env?: Readonly<Record<string, string>>;
  clock?: Clock;
  key?: Buffer;
  minter?: TokenMinter;
  events?: DaemonParts["events"];
  pods?: DaemonParts["pods"];
  vault?: ReadyVault;
}

export interface TestProvider {
  vault: ReadyVault;
  socketPath: string;
  /** Everything it wrote so far. */
  logText: () => string;
  /** A Mount as the driver sends it, for shop/web-0 unless said. */
  mount(
    parameters: Readonly<Record<string, string>>,
    change?: Partial<Mounting>,
    timeoutMs?: number,
  ): Promise<MountOutcome>;
  /** A page of the health server. */
  page(path: string): Promise<{ status: number; text: string }>;
  stop(): Promise<void>;
}

export const webPod = { namespace: "shop", name: "web-0", uid: "uid-1", serviceAccount: "web" };

/** The whole provider on a real socket, in front of an embedded Vault; both end with the test. */
export async function startProvider(setting: ProviderSetting = {}): Promise<TestProvider> {
  const vault = setting.vault ?? (await startReadyVault());
  const socketPath = join(await temporaryDirectory(), "vault.sock");
  const flags = [
    `--endpoint=${socketPath}`,
    "--health-addr=127.0.0.1:0",
    ...(setting.argv ?? [`--vault-addr=${vault.address}`]),
  ];
  const options = loadOptions({
    argv: setting.file === undefined ? flags : [...flags, "--config=operator.yaml"],
    env: setting.env ?? {},
    execArgv: [],
    readFile: () => setting.file ?? "",
  });
  const { log, text } = captureLog("trace");
  const daemon = await startDaemon(
    {
      options,
      version: "1.2.3",
      key: new Redacted(setting.key ?? Buffer.alloc(32, 7)),
      minter: setting.minter,
      events: setting.events,
      pods: setting.pods,
      workerFile,
      log,
      clock: setting.clock ?? systemClock,
      random: () => 0.5,
    },
    new AbortController().signal,
  );
  onTestFinished(async () => {
    // The daemon waits for what Vault has not answered.
    if (!setting.vault) await vault.stop();
    await daemon.stop();
  });
  return {
    vault,
    socketPath,
    logText: text,
    async mount(parameters, change = {}, timeoutMs = 20_000) {
      const client = new DriverClient(socketPath, { timeoutMs });
      try {
        const tokens = { vault: { token: vault.mint(), expirationTimestamp: "2100-01-01T00:00:00Z" } };
        const request = mountRequest({
          pod: webPod,
          tokens,
          parameters: { roleName: "web", ...parameters },
          ...change,
        });
        return await client.mount(request, new AbortController().signal);
      } finally {
        client.close();
      }
    },
    async page(path) {
      const { host, port } = daemon.healthAddress;
      const response = await fetch(`http://${host}:${port}${path}`);
      return { status: response.status, text: await response.text() };
    },
    stop: () => daemon.stop(),
  };
}

/** The files of an outcome as text, or why there are none. */
export function filesIn(outcome: MountOutcome): Record<string, string> | string {
  if (!outcome.ok) return `${outcome.code}: ${outcome.message}`;
  return Object.fromEntries(outcome.files.map(({ path, contents }) => [path, Buffer.from(contents).toString()]));
}
