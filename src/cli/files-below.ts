import { join } from "node:path";
import type { CommandIo } from "./command-io.js";

/**
 * The files that `kubectl -f PATH` reads: those of a directory whose names end as Kubernetes' do, with `recursive` those of
 * its directories, too, in the order of their names; else PATH itself, whatever its name.
 */
export async function filesBelow(path: string, recursive: boolean, io: CommandIo): Promise<string[]> {
  const entries = await io.readDirectory?.(path);
  if (!entries) return [path];
  const sorted = [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));
  const files: string[] = [];
  for (const { name, isDirectory } of sorted) {
    const within = join(path, name);
    if (isDirectory && recursive) files.push(...(await filesBelow(within, recursive, io)));
    else if (!isDirectory && /\.(json|ya?ml)$/.test(name)) files.push(within);
  }
  return files;
}
