import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { freePorts } from "../../dev/testing/free-ports.js";
import { runProgram, untilReady } from "./running-program.js";
import { type VaultAccess, VaultApi } from "./vault-api.js";

export interface VaultDev {
  readonly access: VaultAccess;
  readonly unsealKey: string;
  readonly stop: () => Promise<void>;
}

/** Vault in dev mode: in memory, unsealed, KV v2 at `secret/`. */
export async function startVaultDev(
  options: { binary: string; logs: string; name?: string },
  signal: AbortSignal,
): Promise<VaultDev> {
  const { http } = await freePorts("http");
  const access = { address: `http://127.0.0.1:${http}`, token: randomBytes(16).toString("hex") };
  const name = options.name ?? "vault";
  const program = runProgram({
    name,
    command: options.binary,
    args: [
      "server",
      "-dev",
      `-dev-listen-address=127.0.0.1:${http}`,
      `-dev-root-token-id=${access.token}`,
      "-dev-no-store-token",
    ],
    log: join(options.logs, `${name}.log`),
  });
  const api = new VaultApi(access);
  await untilReady(program, () => api.request("GET", "sys/health"), signal);
  const unsealKey = await untilReady(program, () => readUnsealKey(program.log), signal);
  return { access, unsealKey, stop: program.stop };
}

async function readUnsealKey(log: string): Promise<string> {
  const key = /Unseal Key: (\S+)/.exec(await readFile(log, "utf8"))?.[1];
  if (!key) throw new Error("no unseal key printed yet");
  return key;
}
