import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ProviderError } from "../../src/shared/errors.js";
import type { CommandIo } from "../../src/cli/command-io.js";
import { commandTable } from "../../src/cli/command-table.js";
import { defineCommand, type Given, WrongUsage } from "../../src/cli/define-command.js";
import { tellDemo } from "./demo.js";
import { startDevEnvironment } from "./environment.js";
import { guide } from "./guide.js";

export const devCommand = defineCommand("dev", commandTable.dev, ({ values }, io, signal) =>
  run(devArguments(values), io, signal),
);

interface DevArguments {
  directory: string | undefined;
  vaultPort: number;
  demo: boolean;
}

async function run(asked: DevArguments, io: CommandIo, signal: AbortSignal): Promise<number> {
  const temporary = asked.directory === undefined ? await mkdtemp(join(tmpdir(), "keymount-")) : undefined;
  const directory = temporary ?? resolve(asked.directory!);
  try {
    const environment = await startDevEnvironment({ directory, vaultPort: asked.vaultPort }, signal);
    try {
      if (asked.demo) return await tellDemo(environment, directory, io, signal);
      io.stdout.write(guide(environment, io.program));
      await aborted(signal);
      return 0;
    } finally {
      await environment.stop();
    }
  } catch (error) {
    if (signal.aborted) return 0;
    io.stderr.write(`keymount dev: ${reasonOf(error)}\n`);
    return 1;
  } finally {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
  }
}

function devArguments({ dir, demo, "vault-port": port }: Given<typeof commandTable.dev>["values"]): DevArguments {
  const vaultPort = Number(port ?? (demo ? 0 : 8200));
  if (!Number.isInteger(vaultPort) || vaultPort < 0 || vaultPort > 65_535) {
    throw new WrongUsage("--vault-port wants a number up to 65535");
  }
  return { directory: dir, vaultPort, demo };
}

/** What the system refuses is told in its words: nothing here is a secret but what is in memory. */
function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return error instanceof Error && code && !(error instanceof ProviderError) && "syscall" in error
    ? message
    : ProviderError.from(error).message;
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((done) => signal.addEventListener("abort", () => done(), { once: true }));
}
