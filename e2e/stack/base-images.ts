import { execFile } from "node:child_process";
import { cp, copyFile, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Buildah } from "./buildah.js";

const run = promisify(execFile);

/** Stand in for the bases that the Dockerfile names, which no registry brings here. */
export const baseImages = { build: "localhost/build-base:e2e", final: "localhost/base:e2e" } as const;

/** Makes both: this machine's programs and libraries, and a Node that npm brings, locked by integrity. */
export async function makeBaseImages(buildah: Buildah, signal: AbortSignal): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "km-base-"));
  try {
    const node = await nodeBinary(folder, signal);
    const [final, build] = [join(folder, "final"), join(folder, "build")];
    await makeFinal(final, node, signal);
    await buildah.fromFolder(baseImages.final, final, ["--env=PATH=/usr/local/bin:/usr/bin"]);
    await cp(final, build, { recursive: true, verbatimSymlinks: true });
    await addBuildTools(build, node, signal);
    const environment = [
      "--env=PATH=/usr/local/bin:/usr/bin",
      "--env=HOME=/root",
      `--env=${trustVariable}=/root/ca.pem`,
    ];
    await buildah.fromFolder(baseImages.build, build, environment);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The variable by which Node, and so npm, learns of the CA of this machine's registry. It stays in the build's base. */
const trustVariable = "NODE_EXTRA_CA_CERTS";

async function nodeBinary(parent: string, signal: AbortSignal): Promise<string> {
  const folder = join(parent, "node");
  await cp(join(import.meta.dirname, "node-binary"), folder, { recursive: true });
  await run("npm", ["ci", "--ignore-scripts", "--silent"], { cwd: folder, signal });
  return join(folder, "node_modules", `node-linux-${process.arch}`, "bin", "node");
}

/** As distroless/cc: glibc, libstdc++, the public CAs, two users. No shell. */
async function makeFinal(folder: string, node: string, signal: AbortSignal): Promise<void> {
  for (const path of ["etc/ssl/certs", "tmp", "usr/local/bin", "root"]) {
    await mkdir(join(folder, path), { recursive: true });
  }
  await writeFile(join(folder, "etc/passwd"), "root:x:0:0::/root:/\nnonroot:x:65532:65532::/:/\n");
  await writeFile(join(folder, "etc/group"), "root:x:0:\nnonroot:x:65532:\n");
  await writeFile(join(folder, "etc/hosts"), "127.0.0.1 localhost\n::1 localhost\n");
  await writeFile(join(folder, "etc/ssl/certs/ca-certificates.crt"), await publicCas());
  await copyLibraries(folder, node, signal);
}

/** Debian's, not this machine's own bundle, which may hold local ones. */
async function publicCas(): Promise<string> {
  const folder = "/usr/share/ca-certificates/mozilla";
  const files = (await readdir(folder)).sort();
  return (await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")))).join("");
}

async function addBuildTools(folder: string, node: string, signal: AbortSignal): Promise<void> {
  const bin = join(folder, "usr/local/bin");
  await mkdir(join(folder, "usr/bin"), { recursive: true });
  await copyFile(node, join(bin, "node"));
  await copyFile(join(dirname(node), "../LICENSE"), join(folder, "usr/local/LICENSE"));
  const terms = "usr/share/doc/util-linux/copyright";
  await mkdir(dirname(join(folder, terms)), { recursive: true });
  await copyFile(join("/", terms), join(folder, terms));
  for (const tool of ["/usr/bin/env", "/usr/bin/prlimit"]) {
    await copyFile(tool, join(folder, tool));
    await copyLibraries(folder, tool, signal);
  }
  const npm = dirname(dirname(await realpath((await run("which", ["npm"])).stdout.trim())));
  await cp(npm, join(folder, "usr/local/lib/node_modules/npm"), { recursive: true });
  await symlink("../lib/node_modules/npm/bin/npm-cli.js", join(bin, "npm"));
  await copyFile(process.env[trustVariable] || "/etc/ssl/certs/ca-certificates.crt", join(folder, "root/ca.pem"));
}

/** What a program is linked to, each where the loader looks for it; /lib is /usr/lib, as in Debian. */
export async function copyLibraries(folder: string, program: string, signal: AbortSignal): Promise<void> {
  const { stdout } = await run("ldd", [program], { signal });
  const linked = [...stdout.matchAll(/\/\S+\.so\S*/g)].map(([library]) => library);
  // glibc's parts are one library today, but programs still link to each of these names.
  const libc = dirname(linked.find((library) => library.includes("/libc.so"))!);
  const parts = ["libdl.so.2", "libm.so.6", "libpthread.so.0", "libresolv.so.2", "librt.so.1", "libutil.so.1"];
  for (const library of [...linked, ...parts.map((part) => join(libc, part))]) {
    const target = join(folder, library.startsWith("/usr/") ? "" : "usr", dirname(library));
    await mkdir(target, { recursive: true });
    await copyFile(library, join(target, basename(library)));
  }
  for (const name of (await readdir(join(folder, "usr"))).filter((name) => name.startsWith("lib"))) {
    await symlink(`usr/${name}`, join(folder, name)).catch(thereAlready);
  }
}

function thereAlready(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}
