import { renameSync, writeFileSync } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface ReplaceOptions {
  randomBytes: (size: number) => Buffer;
  /** Whether the file system may keep its caller waiting; one in memory does not. */
  onDisk: boolean;
}

/**
 * Replaces a file atomically, or makes it: a failure leaves it as it was. Throws what the system does. In memory each step
 * takes a few microseconds, a tenth of its way through the thread pool, so it is done at once. Nothing is synced: what a loss of
 * power could tear is of an earlier boot when it is next read, and never used.
 */
export async function replaceFile(
  directory: string,
  name: string,
  bytes: Buffer,
  { randomBytes, onDisk }: ReplaceOptions,
): Promise<void> {
  const temporary = join(directory, `.${name}.${randomBytes(6).toString("hex")}`);
  const path = join(directory, name);
  try {
    if (onDisk) {
      await writeFile(temporary, bytes, madeNew);
      await rename(temporary, path);
    } else {
      writeFileSync(temporary, bytes, madeNew);
      renameSync(temporary, path);
    }
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

const madeNew = { flag: "wx", mode: 0o600 };
