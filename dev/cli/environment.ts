import { randomBytes } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadOptions } from "../../src/config/load-options.js";
import { startDaemon } from "../../src/daemon/daemon.js";
import { CleanupStack } from "../../src/daemon/cleanup-stack.js";
import { Administrator } from "../vault/administrator.js";
import { type DevVault, startDevVault } from "../vault/dev-vault.js";
import { systemClock } from "../../src/shared/clock.js";
import { Redacted } from "../../src/shared/redacted.js";
import { createFileLog } from "../../src/telemetry/log.js";
import { serveDevTokens } from "./token-server.js";
import { exampleClass, fillDevVault } from "./vault-content.js";
import { workerFile } from "../../src/cli/worker-file.js";
import { packageVersion } from "../../src/cli/package-version.js";

/** An embedded Vault and the provider beside it, in this process. */
export interface DevEnvironment {
  vault: DevVault;
  admin: Administrator;
  socketPath: string;
  classFile: string;
  stateDirectory: string;
  logFile: string;
  healthAddress: string;
  stop(): Promise<void>;
}

export async function startDevEnvironment(
  { directory, vaultPort }: { directory: string; vaultPort: number },
  signal: AbortSignal,
): Promise<DevEnvironment> {
  const releases = new CleanupStack();
  try {
    await mkdir(directory, { recursive: true });
    const vault = await startDevVault({ port: vaultPort });
    releases.add(() => vault.stop());
    const admin = new Administrator({ address: vault.address, token: vault.rootToken });
    await fillDevVault(admin);
    vault.log.clear();
    const socketPath = join(directory, "vault.sock");
    const tokens = await serveDevTokens(socketPath, ({ namespace, name, uid, serviceAccount }, audience) =>
      vault.mintServiceAccountToken({ namespace, serviceAccount, pod: { name, uid }, audiences: [audience] }),
    );
    releases.add(() => tokens.stop());
    const logFile = join(directory, "keymount.log");
    // Of this run only: the embedded Vault remembers nothing either.
    const stateDirectory = join(directory, "state");
    await rm(stateDirectory, { recursive: true, force: true });
    const key = randomBytes(32);
    const keyFile = join(directory, "key");
    await writeFile(keyFile, key, { mode: 0o600 });
    const options = loadOptions({
      argv: [
        `--endpoint=${socketPath}`,
        `--vault-addr=${vault.address}`,
        "--health-addr=127.0.0.1:0",
        `--key-file=${keyFile}`,
        `--state-dir=${stateDirectory}`,
        "--state-on-disk",
      ],
      env: {},
      execArgv: process.execArgv,
      readFile: () => "",
    });
    const daemon = await startDaemon(
      {
        options,
        version: packageVersion,
        key: new Redacted(key),
        minter: undefined,
        events: undefined,
        pods: undefined,
        workerFile,
        log: createFileLog("debug", logFile),
        clock: systemClock,
        random: Math.random,
      },
      signal,
    );
    releases.add(() => daemon.stop());
    const classFile = join(directory, "class.yaml");
    await writeFile(classFile, exampleClass);
    const { host, port } = daemon.healthAddress;
    return {
      vault,
      admin,
      socketPath,
      classFile,
      stateDirectory,
      logFile,
      healthAddress: `http://${host}:${port}`,
      stop: () => releases.run(),
    };
  } catch (error) {
    await releases.run();
    throw error;
  }
}
