import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";

const made = new Set<string>();

// A run that is ended before its time, by Ctrl-C say, leaves nothing.
process.once("exit", () => made.forEach((path) => rmSync(path, { recursive: true, force: true })));

/** A new directory, at `prefix` and six characters more, which goes with this process at the latest. */
export async function processDirectory(prefix: string): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(prefix);
  made.add(path);
  const remove = async () => {
    await rm(path, { recursive: true });
    made.delete(path);
  };
  return { path, remove };
}
