import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { devTokenSocket } from "../../src/cli/dev-tokens.js";
import { makeDirectory } from "../../src/cli/make-directory.js";
import { ProviderError } from "../../src/shared/errors.js";
import { connectError } from "../../src/shared/connect-error.js";
import { longestSocketPath } from "../../src/shared/socket-path.js";

/** Tells a directory that `keymount dev` made from one that holds a person's files, which it would overwrite. */
const marker = ".keymount-dev";

/** Where `keymount dev` has its files. */
export interface DevDirectory {
  path: string;
  socketPath: string;
  stateDirectory: string;
  logFile: string;
  keyFile: string;
  classFile: string;
}

/**
 * Makes the directory, or takes an empty one, or one of an earlier run. Throws `invalid_request`, which says what is
 * wrong with it.
 */
export async function openDevDirectory(path: string): Promise<DevDirectory> {
  const socketPath = join(path, "vault.sock");
  const bytes = Buffer.byteLength(devTokenSocket(socketPath));
  if (bytes > longestSocketPath) {
    const reason = `a socket in it would have a path of ${bytes} bytes, and ${longestSocketPath} are the most`;
    throw refused(path, reason, { choose: "a shorter path" });
  }
  const entries = await attempt(path, async () => {
    await makeDirectory(path, 0o700);
    return readdir(path);
  });
  if (entries.length > 0 && !entries.includes(marker)) {
    const some = entries.sort().slice(0, 3).join(", ");
    const files = `${some}${entries.length > 3 ? ", …" : ""}`;
    throw refused(path, `it holds other files (${files})`, { choose: "an empty directory" });
  }
  if (!(await connectError({ path: devTokenSocket(socketPath) })))
    throw refused(path, "another keymount dev runs in it");
  await attempt(path, () => writeFile(join(path, marker), "Made by keymount dev, which overwrites files here.\n"));
  return {
    path,
    socketPath,
    stateDirectory: join(path, "state"),
    logFile: join(path, "keymount.log"),
    keyFile: join(path, "key"),
    classFile: join(path, "class.yaml"),
  };
}

/** A directory for one run. Throws `invalid_request` where the system has no place for it. */
export async function openTemporaryDirectory(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await attempt(tmpdir(), () => mkdtemp(join(tmpdir(), "keymount-")));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

async function attempt<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    throw refused(path, why[code] ?? `the system refuses (${code})`, { cause: error });
  }
}

const why: Readonly<Record<string, string>> = {
  EACCES: "this user may not write there",
  ELOOP: "its links go in a circle",
  ENAMETOOLONG: "a name in it is too long",
  ENOENT: "no directory can be made there",
  ENOSPC: "no space is left there",
  ENOTDIR: "a file is in its place, or in that of a directory above it",
  EPERM: "this user may not write there",
  EROFS: "it is on a read-only file system",
};

function refused(path: string, reason: string, how: { choose?: string; cause?: unknown } = {}): ProviderError {
  const { choose = "another directory", cause } = how;
  return new ProviderError("invalid_request", `${path} cannot be used: ${reason}; choose ${choose} with --dir`, {
    cause,
  });
}
