import { chmod, lstat, readdir, rename, unlink } from "node:fs/promises";
import type { Server } from "node:net";
import { basename, dirname, join } from "node:path";
import { connectError, hasNoListener } from "../shared/connect-error.js";
import { ProviderError } from "../shared/errors.js";
import type { Random } from "../shared/random.js";
import { longestSocketPath } from "../shared/socket-path.js";

const temporaryName = /^\.km-[0-9a-z]{6}$/;

/** The identity of a socket's file, independent of its name. */
export interface FileIdentity {
  dev: bigint;
  ino: bigint;
}

/** Throws `invalid_request` where no socket can be: the path is too long, or something else lies there. */
export async function checkSocketPath(path: string): Promise<void> {
  const bytes = Buffer.byteLength(path);
  if (bytes > longestSocketPath) {
    throw new ProviderError(
      "invalid_request",
      `the socket's path ${path} has ${bytes} bytes; a unix socket's may have at most ${longestSocketPath}: use a shorter directory`,
    );
  }
  const found = await lstat(path).catch(absent);
  if (!found || found.isSocket()) return;
  const kind = found.isDirectory() ? "a directory" : found.isSymbolicLink() ? "a symbolic link" : "a file";
  throw new ProviderError(
    "invalid_request",
    `cannot listen at ${path}: there is ${kind}; remove it, or set another --endpoint`,
  );
}

/**
 * Makes `listener` listen at `path`, visible only once it is ready and closed to all but its owner: it is bound
 * under a temporary name, and renamed over an existing socket. Closing the listener later leaves the file alone.
 */
export async function publishSocket(listener: Server, path: string, random: Random): Promise<FileIdentity> {
  await checkSocketPath(path);
  await removeAbandoned(dirname(path));
  const temporary = join(dirname(path), `.km-${random().toString(36).slice(2).padEnd(6, "0").slice(0, 6)}`);
  await listen(listener, temporary, path);
  try {
    await chmod(temporary, 0o600);
    const identity = (await identify(temporary))!;
    await rename(temporary, path);
    return identity;
  } catch (error) {
    listener.close();
    await unlink(temporary).catch(absent);
    throw new ProviderError("unavailable", `cannot put a socket at ${path} (${errorCode(error)})`, { cause: error });
  }
}

/** The file at a path, or `undefined` if there is none. */
export async function identify(path: string): Promise<FileIdentity | undefined> {
  const found = await lstat(path, { bigint: true }).catch(absent);
  return found && { dev: found.dev, ino: found.ino };
}

export function isSame(a: FileIdentity, b: FileIdentity | undefined): boolean {
  return a.dev === b?.dev && a.ino === b.ino;
}

/** Removes the socket at `path` if it is still the one we made. Throws `unavailable` when it cannot be removed. */
export async function withdrawSocket(path: string, identity: FileIdentity): Promise<void> {
  try {
    if (isSame(identity, await identify(path))) await unlink(path).catch(absent);
  } catch (error) {
    throw new ProviderError("unavailable", `cannot remove the socket ${path} (${errorCode(error)})`, { cause: error });
  }
}

/** Whether the socket has a listener; an unexpected error counts as one, since the file may belong to another process. */
export async function answers(path: string): Promise<boolean> {
  return !hasNoListener(await connectError({ path }));
}

/** Temporary names whose process died before it could rename them. */
async function removeAbandoned(directory: string): Promise<void> {
  const names = await readdir(directory).catch((error: unknown) => {
    const found = `cannot read the socket's directory ${directory} (${errorCode(error)})`;
    throw new ProviderError("invalid_request", `${found}: make it, or mount it, before keymount starts`, {
      cause: error,
    });
  });
  for (const path of names.filter((name) => temporaryName.test(name)).map((name) => join(directory, name))) {
    const found = await lstat(path).catch(absent);
    if (found?.isSocket() && !(await answers(path))) await unlink(path).catch(absent);
  }
}

function listen(listener: Server, temporary: string, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // It stays: an error of a later accept must not end the process, and costs one connection only.
    listener.on("error", (error) =>
      reject(
        new ProviderError(
          "invalid_request",
          `cannot listen in ${dirname(path)} for ${basename(path)} (${errorCode(error)})`,
          { cause: error },
        ),
      ),
    );
    listener.listen(temporary, resolve);
  });
}

function errorCode(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "unknown error";
}

/** For `catch`: what is not there is `undefined`. */
function absent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
  throw error;
}
