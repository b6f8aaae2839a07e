import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ProviderError } from "../../src/shared/errors.js";
import type { Command, CommandIo } from "../../src/cli/command-io.js";
import { tellDemo } from "./demo.js";
import { startDevEnvironment } from "./environment.js";
import { guide } from "./guide.js";
import { argumentMistake, refuseUsage } from "../../src/cli/wrong-usage.js";

const help = `Usage: keymount dev [--dir DIR] [--vault-port PORT] [--demo]

Starts, in one process, an embedded Vault (in memory, no network beyond loopback) and the provider on a socket beside it,
and tells how to use them. Ends with Ctrl-C; nothing is kept but what is in DIR.

  --dir DIR          for the sockets, the log and an example class: a new or empty directory, or one of an earlier run; by
                     default a temporary one, removed at the end
  --vault-port PORT  of the embedded Vault; by default 8200, 0 for any
  --demo             tell the story instead: files, a change that arrives, refusals explained; ends by itself

Exit codes: 0 ended as asked, 1 failed, 2 wrong usage.
`;

export const devCommand: Command = { help, run };

interface DevArguments {
  directory: string | undefined;
  vaultPort: number;
  demo: boolean;
}

async function run(argv: readonly string[], io: CommandIo, signal: AbortSignal): Promise<number> {
  const asked = argumentsOf(argv);
  if (typeof asked === "string") return refuseUsage(io, "dev", asked);
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

function argumentsOf(argv: readonly string[]): DevArguments | string {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { dir: { type: "string" }, "vault-port": { type: "string" }, demo: { type: "boolean" } },
    });
    const vaultPort = Number(values["vault-port"] ?? (values.demo ? 0 : 8200));
    if (!Number.isInteger(vaultPort) || vaultPort < 0 || vaultPort > 65_535)
      return "--vault-port wants a number up to 65535";
    return { directory: values.dir, vaultPort, demo: values.demo ?? false };
  } catch (error) {
    return argumentMistake(error);
  }
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
