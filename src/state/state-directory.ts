import { chmod, lstat, mkdir, realpath, statfs } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { ProviderError } from "../shared/errors.js";
import { quoted } from "../shared/quoted.js";

export interface StateDirectoryOptions {
  path: string;
  /** Also where files outlive the node's power: the operator's choice. */
  onDisk: boolean;
}

/** TMPFS_MAGIC and RAMFS_MAGIC of statfs(2). */
const memoryFileSystems: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);
const [groupOrOthersWrite, sticky, anyButOwner] = [0o022, 0o1000, 0o077];

/**
 * The directory that keeps what is held, made where it is not there, for nobody's eyes but ours. Gives its real path.
 * Throws `invalid_request` for one that others could have put there or could replace, and for one on a disk unless told.
 */
export async function openStateDirectory(
  { path, onDisk }: StateDirectoryOptions,
  signal: AbortSignal,
): Promise<string> {
  if (!isAbsolute(path) || resolve(path) !== path) throw unfit(path, "is not a clean absolute path");
  await mkdir(path, { recursive: true, mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    throw unfit(path, `cannot be made (${error.code ?? "unknown"})`, error);
  });
  signal.throwIfAborted();
  const itself = await lstat(path);
  if (!itself.isDirectory()) throw unfit(path, "is no directory, or a symbolic link to one");
  const { uid } = itself;
  if (uid !== process.geteuid?.()) throw unfit(path, `belongs to user ${uid}, not to keymount's; chown it`);
  if (itself.mode & anyButOwner) await chmod(path, 0o700);
  const real = await realpath(path);
  await checkParents(real);
  if (!onDisk && !memoryFileSystems.has((await statfs(real)).type)) {
    throw unfit(
      path,
      "is on a disk, where secrets would outlive the node's power; mount a tmpfs there, or allow it with --state-on-disk",
    );
  }
  return real;
}

/** Whoever can rename a directory on the way can put another in our place. */
async function checkParents(path: string): Promise<void> {
  for (let parent = dirname(path); ; parent = dirname(parent)) {
    const { uid, mode } = await lstat(parent);
    const foreign = uid !== 0 && uid !== process.geteuid?.();
    if (foreign || (mode & groupOrOthersWrite && !(mode & sticky))) {
      throw unfit(path, `lies in ${parent}, which others than root may change`);
    }
    if (parent === dirname(parent)) return;
  }
}

/** A place of our own within it, made where it is not there. */
export async function makePlace(directory: string, name: string): Promise<string> {
  const place = join(directory, name);
  await mkdir(place, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  const { mode, uid } = await lstat(place).then((found) => {
    if (!found.isDirectory()) throw unfit(place, "is no directory");
    return found;
  });
  if (uid !== process.geteuid?.() || mode & anyButOwner)
    throw unfit(place, "is open to others than keymount; remove it");
  return place;
}

function unfit(path: string, why: string, cause?: Error): ProviderError {
  return new ProviderError("invalid_request", `the state directory ${quoted(path)} ${why}`, cause && { cause });
}
