import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Where tests have what they build of this tree; the next run writes it anew. */
export const builtFolder = join(import.meta.dirname, "..", "..", ".cache", "built");

/** Puts a file there, whole at any time: threads and processes of one tree build the same beside each other. */
export async function writeBuilt(name: string, text: string): Promise<string> {
  await mkdir(builtFolder, { recursive: true });
  const own = join(builtFolder, `${crypto.randomUUID()}-${name}`);
  const file = join(builtFolder, name);
  await writeFile(own, text);
  await rename(own, file);
  return file;
}
