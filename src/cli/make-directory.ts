import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

/** With its parents. Node's own `recursive` never ends below /proc, which makes no directories and says ENOENT. */
export async function makeDirectory(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return;
    if (code !== "ENOENT" || dirname(path) === path) throw error;
    await makeDirectory(dirname(path), mode);
    await mkdir(path, { mode });
  }
}
