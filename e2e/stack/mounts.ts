import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Mount points at or below `folder`, deepest first. */
export async function mountedUnder(folder: string): Promise<string[]> {
  const table = await readFile("/proc/self/mountinfo", "utf8");
  return table
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((point) => point === folder || point.startsWith(`${folder}/`))
    .reverse();
}

/** Makes `folder` a mount that other mount namespaces share: what is mounted below it there is seen here. */
export async function shareMounts(folder: string): Promise<void> {
  await run("mount", ["--bind", folder, folder]);
  await run("mount", ["--make-shared", folder]);
}

/** Unmounts all that is mounted at or below `folder`, in use or not. */
export async function unmountAll(folder: string): Promise<void> {
  for (const point of await mountedUnder(folder)) await run("umount", ["--lazy", point]);
}
