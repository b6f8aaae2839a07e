import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { access, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Binaries, type GoProgram, type KubernetesVersion, type ProgramName, programs } from "./programs.js";

const run = promisify(execFile);

/** How many programs build at a time. Each uses one core; Vault's linker takes 3 GB. */
const lanes = 2;

/**
 * Builds what is missing in `cache` and says where each binary lies. A binary's name holds the hash of all that
 * decides it, so a changed go.mod is a new name; a build that is cut short leaves nothing under that name.
 */
export async function buildPrograms(
  cache: string,
  kubernetes: KubernetesVersion,
  signal: AbortSignal,
): Promise<Binaries> {
  await mkdir(cache, { recursive: true });
  const waiting = Object.entries(programs(kubernetes)) as [ProgramName, GoProgram][];
  const built: [ProgramName, string][] = [];
  const lane = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      built.push([next[0], await build(...next, cache, signal)]);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return Object.fromEntries(built) as Binaries;
}

async function build(name: ProgramName, program: GoProgram, cache: string, signal: AbortSignal): Promise<string> {
  const binary = join(cache, `${name}-${await fingerprint(program)}`);
  if (await exists(binary)) return binary;

  console.log(`e2e: building ${name} (minutes when Go's own cache is cold) …`);
  const started = performance.now();
  const unfinished = `${binary}.${process.pid}.building`;
  try {
    const args = ["build", "-p", "1", "-ldflags", linkFlags(program), "-o", unfinished, program.package];
    await run("go", args, { cwd: moduleFolder(program), signal, maxBuffer: 64 << 20 });
    await rename(unfinished, binary);
  } finally {
    await rm(unfinished, { force: true });
  }
  console.log(`e2e: built ${name} in ${Math.round((performance.now() - started) / 1000)} s`);
  return binary;
}

/** Where a module that the driver of that version requires lies on this machine: its proto files and manifests are used from there. */
export async function goModuleFolder(
  driver: "csi-driver-1.6.0" | "csi-driver-1.5.6",
  module: string,
  signal: AbortSignal,
): Promise<string> {
  const options = { cwd: join(import.meta.dirname, driver), signal };
  await run("go", ["mod", "download", module], options);
  return (await run("go", ["list", "-m", "-f", "{{.Dir}}", module], options)).stdout.trim();
}

const moduleFolder = ({ folders: [module] }: GoProgram) => join(import.meta.dirname, module);

function linkFlags({ variables = {} }: GoProgram): string {
  return ["-s", "-w", ...Object.entries(variables).map(([name, value]) => `-X ${name}=${value}`)].join(" ");
}

async function fingerprint(program: GoProgram): Promise<string> {
  const hash = createHash("sha256").update(`${process.arch} ${program.package} ${linkFlags(program)}\n`);
  for (const folder of program.folders) {
    const files = (await readdir(join(import.meta.dirname, folder))).sort();
    for (const file of files) hash.update(`${file}\n`).update(await readFile(join(import.meta.dirname, folder, file)));
  }
  return hash.digest("hex").slice(0, 12);
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
