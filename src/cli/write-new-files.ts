import { type FileHandle, open, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { ProviderError } from "../shared/errors.js";
import { fileFault } from "../shared/file-fault.js";

export interface NewFile {
  path: string;
  text: string;
}

/**
 * Writes files that are not there yet: all of them, or none. Throws `invalid_request` where one is in the way or cannot be
 * written; those that were made until then are removed.
 */
export async function writeNewFiles(files: readonly NewFile[]): Promise<void> {
  const made: { path: string; file: FileHandle }[] = [];
  try {
    for (const { path } of files) await attempt(path, async () => made.push({ path, file: await open(path, "wx") }));
    for (const [index, { path, file }] of made.entries()) {
      await attempt(path, () => file.writeFile(files[index]!.text));
    }
  } catch (error) {
    for (const { path } of made) await rm(path, { force: true });
    throw error;
  } finally {
    for (const { file } of made) await file.close();
  }
}

async function attempt(path: string, act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    const why = (await directoryFault(path)) ?? fileFault(error as NodeJS.ErrnoException);
    throw new ProviderError("invalid_request", `cannot write ${path}: ${why}`, { cause: error });
  }
}

/** To a writer, no such file is no such directory, or a file in its place. */
async function directoryFault(path: string): Promise<string | undefined> {
  const directory = dirname(path);
  try {
    return (await stat(directory)).isDirectory() ? undefined : `${directory} is a file`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return `there is no directory ${directory}`;
    return code === "ENOTDIR" ? `a part of ${directory} is a file` : undefined;
  }
}
