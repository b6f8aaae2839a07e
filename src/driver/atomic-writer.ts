import { chmod, lstat, mkdir, mkdtemp, open, readdir, readFile, readlink, rename, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock } from "../shared/clock.js";
import type { File } from "../wire/provider.js";
import { checkPayloadPath } from "./payload-path.js";

const dataLink = "..data";
const nextDataLink = "..data_tmp";

type Payload = ReadonlyMap<string, File>;

/**
 * Makes `files` the whole content of `directory`, as the driver does (driver 1.6.0 writer.go WritePayloads,
 * atomic_writer.go Write): the files lie in a new timestamped directory, `..data` is swapped to it in one rename, each
 * top-level name links into `..data`, and what is not among the files goes. Gives whether anything was written: equal
 * contents are left alone, even where a mode changed. Throws `invalid_request` for a path the driver refuses, the
 * system's error otherwise; then, and when aborted before the swap, the volume shows what it showed before. One writer
 * at a time per directory.
 */
export async function writePayloads(
  directory: string,
  files: readonly File[],
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  for (const { path } of files) checkPayloadPath(path);
  const payload = new Map(files.map((file) => [file.path, file]));
  await removePlainFiles(directory, payload);
  const old = await currentData(directory);
  const stale = old === undefined ? [] : await staleNames(join(directory, old), payload);
  const isNew = old === undefined || (await differs(join(directory, old), payload));
  if (!isNew && stale.length === 0) return false;
  signal.throwIfAborted();
  const fresh = await newData(directory, payload, clock, signal);
  await linkNames(directory, payload);
  await swapData(directory, fresh);
  for (const name of stale.filter((path) => !path.includes("/"))) await rm(join(directory, name), { force: true });
  if (old) await rm(join(directory, old), { recursive: true, force: true });
  return true;
}

/** Names that a provider wrote itself, before the driver did, are in the way of links. */
async function removePlainFiles(directory: string, payload: Payload): Promise<void> {
  for (const name of topNames(payload)) {
    const found = await lstat(join(directory, name)).catch(unlessMissing);
    if (found && !found.isSymbolicLink()) await rm(join(directory, name), { recursive: true });
  }
}

/** The name of the timestamped directory in use. */
function currentData(directory: string): Promise<string | undefined> {
  return readlink(join(directory, dataLink)).catch(unlessMissing);
}

/** Paths below the old data that are no longer wanted, directories too. */
async function staleNames(oldData: string, payload: Payload): Promise<string[]> {
  const present = (await readdir(oldData, { recursive: true }).catch(unlessMissing)) ?? [];
  const wanted = new Set([...payload.keys()].flatMap(withParents));
  return present.filter((path) => !wanted.has(path));
}

function withParents(path: string): string[] {
  const elements = path.split("/");
  return elements.map((_, index) => elements.slice(0, index + 1).join("/"));
}

/**
 * Compares every file, though one would do: where a file became a directory or the other way round, the driver fails or
 * not as its map's order happens to be, and here it always does.
 */
async function differs(oldData: string, payload: Payload): Promise<boolean> {
  let answer = false;
  for (const [path, { contents }] of payload) {
    const found = await readFile(join(oldData, path)).catch(unlessMissing);
    if (!found?.equals(contents)) answer = true;
  }
  return answer;
}

/** Writes the payload beside the old and gives the new directory's name; what is half written goes again. */
async function newData(directory: string, payload: Payload, clock: Clock, signal: AbortSignal): Promise<string> {
  const stamp = new Date(clock.wall()).toISOString().slice(0, 19).replace(/[-T:]/g, "_");
  const data = await mkdtemp(join(directory, `..${stamp}.`));
  try {
    await chmod(data, 0o755);
    for (const [path, file] of payload) {
      signal.throwIfAborted();
      await writeFresh(join(data, path), file);
    }
    return data.slice(directory.length).replace(/^\/+/, "");
  } catch (error) {
    await rm(data, { recursive: true, force: true });
    throw error;
  }
}

/** The mode is set independently of the umask; the descriptor is open before a mode can forbid it. */
async function writeFresh(path: string, { contents, mode }: File): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o777 });
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(contents);
    await file.chmod(permissionOf(mode));
  } finally {
    await file.close();
  }
}

/** What Go's os.Chmod makes of an int32 as os.FileMode: its own bits for setuid, setgid and sticky. */
function permissionOf(mode: number): number {
  const special = (mode & (1 << 23) ? 0o4000 : 0) | (mode & (1 << 22) ? 0o2000 : 0) | (mode & (1 << 20) ? 0o1000 : 0);
  return (mode & 0o777) | special;
}

async function linkNames(directory: string, payload: Payload): Promise<void> {
  for (const name of topNames(payload)) {
    const there = await lstat(join(directory, name)).catch(unlessMissing);
    if (!there) await symlink(join(dataLink, name), join(directory, name));
  }
}

async function swapData(directory: string, fresh: string): Promise<void> {
  const next = join(directory, nextDataLink);
  await rm(next, { force: true }); // Left by a writer that was killed.
  await symlink(fresh, next);
  await rename(next, join(directory, dataLink));
}

function topNames(payload: Payload): Set<string> {
  return new Set([...payload.keys()].map((path) => path.split("/")[0]!));
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}
