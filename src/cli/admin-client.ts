import { request } from "node:http";
import { join } from "node:path";
import { ConfigError } from "../config/config-error.js";
import { loadOptions } from "../config/load-options.js";
import { BoundedBytes } from "../shared/bounded-bytes.js";
import { ProviderError } from "../shared/errors.js";
import { fileFault } from "../shared/file-fault.js";
import type { CommandIo } from "./command-io.js";

/**
 * The state directory that a running keymount was told: as said, or as the configuration file says. Throws `invalid_request`
 * where neither says one.
 */
export async function stateDirectoryOf(
  { stateDir, config: file }: { stateDir: string | undefined; config: string },
  io: CommandIo,
): Promise<string> {
  if (stateDir !== undefined) return stateDir;
  const text = await io.readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new ProviderError(
      "invalid_request",
      `cannot read ${file}: ${fileFault(cause)}; name the state directory with --state-dir DIR`,
      { cause },
    );
  });
  const directory = optionsIn(text, file).state?.directory;
  if (directory !== undefined) return directory;
  throw new ProviderError(
    "invalid_request",
    `${file} names no stateDir, and without one keymount cannot be asked; give serve --state-dir DIR`,
  );
}

function optionsIn(text: string, file: string) {
  try {
    // The rest of the file hardly matters here, but the environment is that of the container that serve runs in.
    return loadOptions({ argv: [`--config=${file}`], env: process.env, execArgv: [], readFile: () => text });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const list = error.mistakes.map((mistake) => `\n  ${mistake}`).join("");
    throw new ProviderError("invalid_request", `${file} is an invalid configuration:${list}`, { cause: error });
  }
}

/** The socket goes with a clean stop, and stays after a crash. */
const notRunning = (directory: string) => `keymount is not running with the state directory ${directory}`;

const why: Readonly<Record<string, (directory: string) => string>> = {
  ENOENT: notRunning,
  ENOTDIR: notRunning,
  ECONNREFUSED: notRunning,
  EACCES: (directory) => `only the user that keymount runs as may ask it (state directory ${directory})`,
};

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

/** Of what a node holds: 4,096 volumes, and as many credentials. */
const mostBytes = 64 << 20;

/** Asks the keymount that holds the state directory. Throws `unavailable` where there is none. */
export function askAdminServer(
  directory: string,
  { method, path }: { method: "GET" | "POST"; path: string },
  signal: AbortSignal,
): Promise<unknown> {
  const socketPath = join(directory, "lock");
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException) => {
      const reason = why[cause.code ?? ""]?.(directory) ?? `no answer from ${socketPath} (${cause.code ?? "unknown"})`;
      reject(signal.aborted ? (signal.reason as Error) : new ProviderError("unavailable", reason, { cause }));
    };
    const asking = request({ socketPath, method, path, signal }, (response) => {
      const bytes = new BoundedBytes(mostBytes);
      response.on("data", (piece: Buffer) => {
        if (bytes.add(piece) !== undefined) asking.destroy(new Error("too much"));
      });
      response.on("error", failed);
      response.on("end", () => {
        const answer = response.statusCode === 200 ? parsed(bytes.take()) : undefined;
        if (answer !== undefined) return resolve(answer);
        reject(new ProviderError("unavailable", `${socketPath}: keymount answers with ${response.statusCode}`));
      });
    });
    asking.on("error", failed);
    asking.end();
  });
}
