import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { type Images, type Prepared, preparedAt, preparedFile } from "./prepared.js";
import { arm64Node } from "./stack/arm64.js";
import { buildPrograms, goModuleFolder } from "./stack/build-programs.js";
import { makeCgroup, removeCgroup } from "./stack/cgroups.js";
import { installDebianPackages } from "./stack/debian-packages.js";
import { buildImage, busyboxImage, pauseImage, vaultImage } from "./stack/image.js";
import { type KubernetesVersion, kubernetesVersions } from "./stack/programs.js";

/**
 * `npm run e2e -- [--programs | --prepare | vitest's arguments]`. What needs the network is made first, and nothing else with
 * `--prepare`; with `--programs` only the Go programs, which take longest. The tests then run in mount, network and process
 * namespaces of their own, so that nothing of them is left when they end, however they end.
 */
const run = promisify(execFile);
const root = join(import.meta.dirname, "..");
const cache = join(process.env["KEYMOUNT_CACHE"] ?? join(homedir(), ".cache", "keymount"), "e2e");

/**
 * Addresses that the cluster's node, API server and Vault have (cluster/stack/addresses.ts), and a /run of its own. The
 * first network namespace that `ip` makes lays a mount over those of the pods that are there by then: there are none yet.
 */
const insideNamespaces = `
set -e
ip link set lo up
for address in 10.96.0.1 10.97.0.1 10.98.0.1; do ip address add "$address/32" dev lo; done
mount -t tmpfs tmpfs /run
ip netns add first && ip netns delete first
"$@"
`;

/** Which Kubernetes everything runs on: KEYMOUNT_E2E_KUBERNETES, else the oldest that is known here. */
const kubernetes = kubernetesVersion(process.env["KEYMOUNT_E2E_KUBERNETES"] || "1.34");

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  if (process.getuid?.() !== 0) throw new Error("the real driver mounts: run e2e as root");
  const interrupted = interruption();
  if (args.includes("--programs")) {
    await buildPrograms(cache, kubernetes, interrupted);
    return 0;
  }
  const directory = await mkdtemp(join(tmpdir(), "km-"));
  const cgroup = basename(directory);
  const discard = () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  process.once("exit", discard);
  try {
    await prepare(
      { directory, cgroup, logs: join(directory, "logs") },
      projects(args).includes("cluster"),
      interrupted,
    );
    if (args.includes("--prepare")) return 0;
    const code = await runTests(directory, args, interrupted);
    if (code !== 0 && !interrupted.aborted) {
      process.off("exit", discard);
      await keepLogs(directory);
    }
    return code;
  } finally {
    await removeCgroup(cgroup);
  }
}

/** Ctrl-C reaches the tests too, which end by themselves; this process stays to clear away what they leave. */
function interruption(): AbortSignal {
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interrupted.abort());
  return interrupted.signal;
}

/**
 * The projects that are named, or that the named files are of. The soak runs only when it is named; the cluster needs images,
 * which take a minute after every change, and is left out when only other files are named.
 */
function projects(args: readonly string[]): string[] {
  const named = args.flatMap((arg) => /^--project=(.+)$/.exec(arg)?.[1] ?? []);
  if (named.length > 0) return named;
  const files = args.filter((arg) => /(^|\/)(cases|contract|chart|cluster|soak)\b/.test(arg));
  if (files.some((file) => /(^|\/)soak\b/.test(file))) return ["soak"];
  const all = files.length === 0 || files.some((file) => file.includes("cluster"));
  return all ? ["driver", "tenants", "cluster"] : ["driver", "tenants"];
}

async function prepare(
  paths: Omit<Prepared, "arm64Node" | "binaries" | "images" | "kubernetes">,
  withImages: boolean,
  signal: AbortSignal,
) {
  await mkdir(paths.logs);
  await makeCgroup(paths.cgroup);
  await run("npm", ["run", "--silent", "build"], { cwd: root, signal });
  await installDebianPackages(signal);
  const binaries = await buildPrograms(cache, kubernetes, signal);
  // Its sources are all here now; asking again inside, without a network, finds them.
  await goModuleFolder("csi-driver-1.6.0", "github.com/container-storage-interface/spec", signal);
  const prepared: Prepared = {
    ...paths,
    kubernetes,
    binaries,
    arm64Node: await arm64Node({ cache }, signal),
    ...(withImages && { images: await buildImages(binaries.vault, signal) }),
  };
  await writeFile(preparedFile(paths.directory), JSON.stringify(prepared));
}

function kubernetesVersion(version: string): KubernetesVersion {
  if (Object.hasOwn(kubernetesVersions, version)) return version as KubernetesVersion;
  throw new Error(`KEYMOUNT_E2E_KUBERNETES is ${version}; there are ${Object.keys(kubernetesVersions).join(" and ")}`);
}

async function buildImages(vault: string, signal: AbortSignal): Promise<Images> {
  return {
    busybox: await busyboxImage({ cache }, signal),
    pause: await pauseImage({ cache }, signal),
    keymount: await buildImage({ cache }, signal),
    vault: await vaultImage({ cache, binary: vault }, signal),
  };
}

async function runTests(directory: string, args: readonly string[], interrupted: AbortSignal): Promise<number> {
  const vitest = [join(root, "node_modules", ".bin", "vitest"), "run", "--config", "e2e/vitest.config.ts"];
  const others = args.filter((arg) => !arg.startsWith("--project="));
  const files = [...projects(args).map((project) => `--project=${project}`), ...others];
  const namespaces = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const child = spawn("unshare", [...namespaces, "sh", "-c", insideNamespaces, "sh", ...vitest, ...files], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...preparedAt(directory) },
  });
  const ended = once(child, "exit") as Promise<[number | null]>;
  // `kill` of this process alone: what runs inside has not heard of it. Everything there dies with its first process.
  interrupted.addEventListener("abort", () => setTimeout(() => child.kill("SIGKILL"), 5_000).unref());
  await writeFile(join(directory, "pid"), String(child.pid));
  return (await ended)[0] ?? 1;
}

async function keepLogs(directory: string): Promise<void> {
  const others = (await readdir(directory)).filter((name) => name !== "logs");
  for (const name of others) await rm(join(directory, name), { recursive: true, force: true, maxRetries: 5 });
  console.error(`e2e: the logs are kept in ${directory}/logs`);
}
