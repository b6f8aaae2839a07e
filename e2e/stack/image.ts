import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { promisify } from "node:util";
import { baseImages, copyLibraries, makeBaseImages } from "./base-images.js";
import { Buildah } from "./buildah.js";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");

/** What decides keymount's image: what .dockerignore lets in, and what its bases are made of. */
const sources = [
  "Dockerfile",
  ".dockerignore",
  "package.json",
  "package-lock.json",
  ".npmrc",
  "tsconfig.json",
  "LICENSE",
  "scripts",
  "src",
  "e2e/stack/base-images.ts",
  "e2e/stack/node-binary",
];

/** `localhost/keymount:e2e`, built by the very Dockerfile. The path of an OCI archive, kept in `cache` until a source changes. */
export async function buildImage({ cache }: { cache: string }, signal: AbortSignal): Promise<string> {
  return archived({ cache, name: "keymount", hash: await hashOf(sources) }, signal, async (buildah, archive) => {
    await makeBaseImages(buildah, signal);
    await buildah.build("localhost/keymount:e2e", root, { BUILD_BASE: baseImages.build, BASE: baseImages.final });
    await buildah.write("localhost/keymount:e2e", archive);
  });
}

/** `localhost/busybox:e2e`: a static shell and the usual commands, for workloads that run as any user. */
export async function busyboxImage({ cache }: { cache: string }, signal: AbortSignal): Promise<string> {
  return busybox({ cache, name: "busybox", command: ["sleep", "1000000"] }, signal);
}

/** `localhost/pause:e2e`, which holds a pod's namespaces. */
export async function pauseImage({ cache }: { cache: string }, signal: AbortSignal): Promise<string> {
  return busybox({ cache, name: "pause", command: ["sleep", "1000000000"] }, signal);
}

/** `localhost/vault:e2e`: the Vault of the stack, for a pod that names the image of a registry. */
export async function vaultImage(
  { cache, binary }: { cache: string; binary: string },
  signal: AbortSignal,
): Promise<string> {
  const hash = basename(binary).replace(/^.*-/, "");
  return archived({ cache, name: "vault", hash }, signal, async (buildah, archive) => {
    const folder = join(buildah.store, "vault");
    await mkdir(join(folder, "usr/bin"), { recursive: true });
    await copyFile(binary, join(folder, "usr/bin/vault"));
    await copyLibraries(folder, binary, signal);
    await buildah.fromFolder("localhost/vault:e2e", folder, ["--env=PATH=/usr/bin", "--env=HOME=/"]);
    await buildah.write("localhost/vault:e2e", archive);
  });
}

async function busybox(options: { cache: string; name: string; command: readonly string[] }, signal: AbortSignal) {
  const { cache, name, command } = options;
  const hash = await hashOf(["e2e/stack/image.ts"]);
  return archived({ cache, name, hash }, signal, async (buildah, archive) => {
    const folder = join(buildah.store, "busybox");
    await mkdir(join(folder, "bin"), { recursive: true });
    await mkdir(join(folder, "etc"));
    await mkdir(join(folder, "tmp"));
    await chmod(join(folder, "tmp"), 0o1777);
    await copyFile("/bin/busybox", join(folder, "bin/busybox"));
    await writeFile(join(folder, "etc/passwd"), "root:x:0:0::/:/bin/sh\n");
    const applets = (await run("/bin/busybox", ["--list"], { signal })).stdout.split("\n").filter(Boolean);
    for (const applet of applets.filter((name) => name !== "busybox")) {
      await symlink("busybox", join(folder, "bin", applet));
    }
    await buildah.fromFolder(`localhost/${name}:e2e`, folder, ["--env=PATH=/bin", `--cmd=${JSON.stringify(command)}`]);
    await buildah.write(`localhost/${name}:e2e`, archive);
  });
}

/** The archive of that hash, made if it is not there. Archives of other hashes are removed once they are a day old. */
async function archived(
  { cache, name, hash }: { cache: string; name: string; hash: string },
  signal: AbortSignal,
  make: (buildah: Buildah, archive: string) => Promise<void>,
): Promise<string> {
  const archive = join(cache, `image-${name}-${hash}.tar`);
  if (existsSync(archive)) return archive;
  await mkdir(cache, { recursive: true });
  await removeOldArchives(cache, `image-${name}-`);
  console.log(`e2e: building the image ${name} …`);
  const started = performance.now();
  const unfinished = `${archive}.${process.pid}.building`;
  const buildah = await Buildah.open(signal);
  try {
    await make(buildah, unfinished);
    await rename(unfinished, archive);
  } finally {
    await rm(unfinished, { force: true });
    await buildah.close();
  }
  console.log(`e2e: built the image ${name} in ${Math.round((performance.now() - started) / 1000)} s`);
  return archive;
}

async function removeOldArchives(cache: string, prefix: string): Promise<void> {
  const dayMs = 86_400_000;
  for (const file of (await readdir(cache)).filter((file) => file.startsWith(prefix))) {
    const { mtimeMs } = await stat(join(cache, file));
    if (Date.now() - mtimeMs > dayMs) await rm(join(cache, file), { force: true });
  }
}

async function hashOf(paths: readonly string[]): Promise<string> {
  const hash = createHash("sha256").update(process.arch);
  for (const path of paths) {
    for (const file of await filesIn(join(root, path)))
      hash.update(`${relative(root, file)}\n`).update(await readFile(file));
  }
  return hash.digest("hex").slice(0, 12);
}

async function filesIn(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => !/\.test\.ts$|^(node_modules|testing)$/.test(name)).sort();
  return (await Promise.all(names.map((name) => filesIn(join(path, name))))).flat();
}
