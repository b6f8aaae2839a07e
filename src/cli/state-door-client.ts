import { request } from "node:http";
import { join } from "node:path";
import { ConfigError } from "../config/config-error.js";
import { loadOptions } from "../config/load-options.js";
import { ProviderError } from "../shared/errors.js";
import type { CommandIo } from "./command-io.js";

/** Where the image's operator's file lies, by the chart. */
const usualFile = "/etc/keymount/keymount.yaml";

/**
 * The state directory that a running keymount was told: as said, or as the operator's file says. Throws `invalid_request`
 * where neither says one.
 */
export async function stateDirectoryOf(
  { stateDir, config }: { stateDir?: string | undefined; config?: string | undefined },
  io: CommandIo,
): Promise<string> {
  if (stateDir !== undefined) return stateDir;
  const file = config ?? usualFile;
  const text = await io.readFile(file).catch((cause: unknown) => {
    throw new ProviderError(
      "invalid_request",
      `${file} cannot be read; name the state directory with --state-dir DIR`,
      { cause },
    );
  });
  const directory = optionsIn(text, file).state?.directory;
  if (directory !== undefined) return directory;
  throw new ProviderError(
    "invalid_request",
    `${file} names no stateDir, and without one there is nobody to ask; give serve --state-dir DIR`,
  );
}

function optionsIn(text: string, file: string) {
  try {
    // The rest of the file hardly matters here, but the environment is that of the container that serve runs in.
    return loadOptions({ argv: [`--config=${file}`], env: process.env, execArgv: [], readFile: () => text });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ProviderError("invalid_request", `${file} is at fault: ${error.mistakes.join("; ")}`, { cause: error });
  }
}

const why: Record<string, string> = {
  ENOENT: "no keymount has run with this state directory since the node started",
  ECONNREFUSED: "no keymount runs there",
  EACCES: "only the user that keymount runs as may ask it",
};

/** Asks the keymount that holds the state directory. Throws `unavailable` where there is none. */
export function askStateDoor(
  directory: string,
  { method, path }: { method: "GET" | "POST"; path: string },
  signal: AbortSignal,
): Promise<unknown> {
  const socketPath = join(directory, "lock");
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException) => {
      const reason = why[cause.code ?? ""] ?? `no answer (${cause.code ?? "unknown"})`;
      reject(
        signal.aborted
          ? (signal.reason as Error)
          : new ProviderError("unavailable", `${socketPath}: ${reason}`, { cause }),
      );
    };
    const asking = request({ socketPath, method, path, signal }, (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("error", failed);
      response.on("end", () => {
        if (response.statusCode === 200) resolve(JSON.parse(Buffer.concat(pieces).toString()));
        else reject(new ProviderError("unavailable", `${socketPath}: keymount answers with ${response.statusCode}`));
      });
    });
    asking.on("error", failed);
    asking.end();
  });
}
