import { resolve } from "node:path";
import { CleanupStack } from "../../src/daemon/cleanup-stack.js";
import { ProviderError } from "../../src/shared/errors.js";
import type { CommandIo } from "../../src/cli/command-io.js";
import { commandTable } from "../../src/cli/command-table.js";
import { defineCommand, type Given, WrongUsage } from "../../src/cli/define-command.js";
import type { Product } from "../vault/product.js";
import { tellDemo } from "./demo.js";
import { openTemporaryDirectory } from "./dev-directory.js";
import { startDevEnvironment } from "./environment.js";
import { guide } from "./guide.js";

export const devCommand = defineCommand("dev", commandTable.dev, ({ values }, io, signal) =>
  run(devArguments(values), io, signal),
);

interface DevArguments {
  directory: string | undefined;
  vaultPort: number;
  demo: boolean;
  product: Product;
}

async function run(asked: DevArguments, io: CommandIo, signal: AbortSignal): Promise<number> {
  const releases = new CleanupStack();
  try {
    return await runIn(asked, { releases, io }, signal);
  } catch (error) {
    if (signal.aborted) return 0;
    // What the system refuses is told in its words: nothing here is a secret but what is in memory.
    if (error instanceof Error && "syscall" in error) {
      throw new ProviderError("unavailable", error.message, { cause: error });
    }
    throw error;
  } finally {
    await releases.run();
  }
}

async function runIn(
  { directory: named, vaultPort, demo, product }: DevArguments,
  { releases, io }: { releases: CleanupStack; io: CommandIo },
  signal: AbortSignal,
): Promise<number> {
  const temporary = named === undefined ? await openTemporaryDirectory() : undefined;
  if (temporary) releases.add(temporary.remove);
  const directory = temporary?.path ?? resolve(named!);
  const environment = await startDevEnvironment({ directory, vaultPort, product }, signal);
  releases.add(() => environment.stop());
  if (demo) return tellDemo(environment, directory, io, signal);
  io.stdout.write(guide(environment, io.program));
  await aborted(signal);
  return 0;
}

function devArguments(values: Given<typeof commandTable.dev>["values"]): DevArguments {
  const { dir, demo, openbao, "vault-port": port } = values;
  const vaultPort = Number(port ?? (demo ? 0 : 8200));
  if (!Number.isInteger(vaultPort) || vaultPort < 0 || vaultPort > 65_535) {
    throw new WrongUsage("--vault-port wants a number up to 65535");
  }
  return { directory: dir, vaultPort, demo, product: openbao ? "openbao" : "vault" };
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((done) => signal.addEventListener("abort", () => done(), { once: true }));
}
