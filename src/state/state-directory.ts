import { chmod, lstat, mkdir, realpath, statfs } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { ProviderError } from "../shared/errors.js";
import { fileFault } from "../shared/file-fault.js";
import { quoted } from "../shared/quoted.js";

export interface StateDirectoryOptions {
  path: string;
  /** Also allows file systems that outlive the node's power: the cluster administrator's choice. */
  onDisk: boolean;
}

/** TMPFS_MAGIC and RAMFS_MAGIC of statfs(2). */
const memoryFileSystems: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);
const [groupOrOthersWrite, sticky, anyButOwner] = [0o022, 0o1000, 0o077];

/**
 * The state directory, created if it is missing and closed to all other users. Returns its real path.
 * Throws `invalid_request` for one that others could have created or could replace, and for one on a disk unless allowed.
 */
export async function openStateDirectory(
  { path, onDisk }: StateDirectoryOptions,
  signal: AbortSignal,
): Promise<string> {
  if (!isAbsolute(path) || resolve(path) !== path) throw unusable(path, "is not a clean absolute path");
  await mkdir(path, { recursive: true, mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    throw unusable(path, `cannot be made: ${fileFault(error)}`, error);
  });
  signal.throwIfAborted();
  const itself = await lstat(path);
  if (!itself.isDirectory()) throw unusable(path, "is no directory, or a symbolic link to one");
  const { uid } = itself;
  if (uid !== process.geteuid?.())
    throw unusable(path, `belongs to user ${uid}, not to keymount's; run chown -R on it`);
  if (itself.mode & anyButOwner) await chmod(path, 0o700);
  const real = await realpath(path);
  await checkParents(real);
  if (!onDisk && !memoryFileSystems.has((await statfs(real)).type)) {
    throw unusable(
      path,
      "is on a disk, where secrets would outlive the node's power; mount a tmpfs there, or allow it with --state-on-disk (chart: state.onDisk)",
    );
  }
  return real;
}

/** A user that can rename a parent directory can replace ours. */
async function checkParents(path: string): Promise<void> {
  for (let parent = dirname(path); ; parent = dirname(parent)) {
    const { uid, mode } = await lstat(parent);
    const foreign = uid !== 0 && uid !== process.geteuid?.();
    if (foreign || (mode & groupOrOthersWrite && !(mode & sticky))) {
      throw unusable(path, `lies in ${parent}, which others than root may change`);
    }
    if (parent === dirname(parent)) return;
  }
}

/** A directory of our own within it, created if it is missing. */
export async function makeSubdirectory(directory: string, name: string): Promise<string> {
  const path = join(directory, name);
  await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  const { mode, uid } = await lstat(path).then((found) => {
    if (!found.isDirectory()) throw unusable(path, "is no directory");
    return found;
  });
  if (uid !== process.geteuid?.() || mode & anyButOwner)
    throw unusable(path, "is open to others than keymount; remove it");
  return path;
}

function unusable(path: string, why: string, cause?: Error): ProviderError {
  return new ProviderError("invalid_request", `the state directory ${quoted(path)} ${why}`, cause && { cause });
}
