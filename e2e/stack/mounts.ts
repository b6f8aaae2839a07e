import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Mount points at or below `folder`, deepest first. */
export function mountedUnder(folder: string): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((point) => point === folder || point.startsWith(`${folder}/`))
    .reverse();
}

/** Makes `folder` a mount that other mount namespaces share: what is mounted below it there is seen here. */
export function shareMounts(folder: string): void {
  execFileSync("mount", ["--bind", folder, folder]);
  execFileSync("mount", ["--make-shared", folder]);
}

/** Unmounts all that is mounted at or below `folder`, in use or not. */
export function unmountAll(folder: string): void {
  for (const point of mountedUnder(folder)) execFileSync("umount", ["--lazy", point]);
}
