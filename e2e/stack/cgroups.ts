import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "./eventually.js";

const root = "/sys/fs/cgroup";

/** Makes a group of that name in every hierarchy, where the kubelet puts what it runs. Both cgroup versions. */
export async function makeCgroup(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) await mkdir(join(hierarchy, name), { recursive: true });
}

/** Makes a group below another one whose processes have that much memory, page cache and tmpfs included. Gives its folder. */
export async function makeMemoryGroup(parent: string, name: string, bytes: number): Promise<string> {
  const unified = existsSync(join(root, "cgroup.controllers"));
  const above = join(root, ...(unified ? [] : ["memory"]), parent);
  const folder = join(above, name);
  if (unified) await writeFile(join(above, "cgroup.subtree_control"), "+memory");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, unified ? "memory.max" : "memory.limit_in_bytes"), String(bytes));
  return folder;
}

/** Bytes of a group's processes that the kernel cannot give back under pressure: neither files nor shared programs. */
export async function ownMemory(folder: string): Promise<number> {
  const stat = await readFile(join(folder, "memory.stat"), "utf8");
  return Number(/^(?:anon|total_rss) (\d+)$/m.exec(stat)![1]);
}

/** Removes the group and all groups below it. The processes in them have ended, or are about to. */
export async function removeCgroup(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) await removeTree(join(hierarchy, name));
}

async function hierarchies(): Promise<string[]> {
  if (existsSync(join(root, "cgroup.controllers"))) return [root];
  const entries = await readdir(root, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(root, name));
}

async function removeTree(group: string): Promise<void> {
  if (!existsSync(group)) return;
  for (const entry of await readdir(group, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeTree(join(group, entry.name));
  }
  // A process that was killed stays in its group until the kernel has done with it.
  await eventually(() => rmdir(group), new AbortController().signal, 5_000);
}
