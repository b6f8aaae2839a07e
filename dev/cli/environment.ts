import { randomBytes } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { loadOptions } from "../../src/config/load-options.js";
import { startDaemon } from "../../src/daemon/daemon.js";
import { CleanupStack } from "../../src/daemon/cleanup-stack.js";
import { Administrator } from "../vault/administrator.js";
import { type DevVault, startDevVault } from "../vault/dev-vault.js";
import type { Product } from "../vault/product.js";
import { systemClock } from "../../src/shared/clock.js";
import { ProviderError } from "../../src/shared/errors.js";
import { Redacted } from "../../src/shared/redacted.js";
import { createFileLog } from "../../src/telemetry/log.js";
import { openDevDirectory } from "./dev-directory.js";
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
  { directory, vaultPort, product = "vault" }: { directory: string; vaultPort: number; product?: Product },
  signal: AbortSignal,
): Promise<DevEnvironment> {
  const releases = new CleanupStack();
  try {
    const { socketPath, stateDirectory, logFile, keyFile, classFile } = await openDevDirectory(directory);
    signal.throwIfAborted();
    const vault = await startDevVault({ port: vaultPort, product }).catch((error: unknown) => {
      throw portRefused(vaultPort, error);
    });
    releases.add(() => vault.stop());
    const admin = new Administrator({ address: vault.address, token: vault.rootToken }, signal);
    await fillDevVault(admin);
    vault.log.clear();
    const tokens = await serveDevTokens(socketPath, ({ namespace, name, uid, serviceAccount }, audience) =>
      vault.mintServiceAccountToken({ namespace, serviceAccount, pod: { name, uid }, audiences: [audience] }),
    );
    releases.add(() => tokens.stop());
    // Of this run only: the embedded Vault remembers nothing either.
    await rm(stateDirectory, { recursive: true, force: true });
    const key = randomBytes(32);
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

const whyNoPort: Readonly<Record<string, string>> = {
  EACCES: "this user may not listen on it",
  EADDRINUSE: "another program listens on it",
};

function portRefused(port: number, error: unknown): unknown {
  const reason = whyNoPort[(error as NodeJS.ErrnoException).code ?? ""];
  if (!reason) return error;
  const message = `port ${port} is not free for the embedded Vault: ${reason}; choose another with --vault-port, 0 is any`;
  return new ProviderError("invalid_request", message, { cause: error });
}
