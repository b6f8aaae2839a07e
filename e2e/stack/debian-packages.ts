import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const postgresRoot = "/usr/lib/postgresql";

/** Asked by every maintainer script that wants to start a service; 101 is "no". Debian's policy-rc.d(8). */
const servicePolicy = "/usr/sbin/policy-rc.d";

/** Installs what the stack takes from Debian and is missing here. Services that the packages bring are not started. */
export async function installDebianPackages(signal: AbortSignal): Promise<void> {
  const missing = [
    ...(onPath("etcd") ? [] : ["etcd-server"]),
    ...((await postgresFolder()) ? [] : ["postgresql-15"]),
    ...(onPath("unshare") && onPath("setpriv") ? [] : ["util-linux"]),
    ...(onPath("mount") ? [] : ["mount"]),
    ...(onPath("ip") ? [] : ["iproute2"]),
    ...(onPath("iptables") ? [] : ["iptables"]),
    ...(onPath("containerd") ? [] : ["containerd"]),
    ...(onPath("buildah") ? [] : ["buildah"]),
    ...(existsSync("/bin/busybox") ? [] : ["busybox-static"]),
    ...(existsSync("/usr/share/ca-certificates/mozilla") ? [] : ["ca-certificates"]),
    ...(onPath("runc") ? [] : ["runc"]),
    ...(onPath("ssh-keygen") ? [] : ["openssh-client"]),
    ...(onPath("openssl") ? [] : ["openssl"]),
    ...(onPath("keytool") ? [] : ["default-jre-headless"]),
    ...(onPath("qemu-aarch64-static") ? [] : ["qemu-user-static"]),
    ...(existsSync("/usr/aarch64-linux-gnu/lib/libc.so.6") ? [] : ["libc6-arm64-cross"]),
    ...(existsSync("/usr/aarch64-linux-gnu/lib/libstdc++.so.6") ? [] : ["libstdc++6-arm64-cross"]),
    ...(existsSync("/usr/lib/cni/bridge") ? [] : ["containernetworking-plugins"]),
  ];
  if (missing.length === 0) return;

  console.log(`e2e: installing ${missing.join(", ")} …`);
  const policyIsOurs = !existsSync(servicePolicy);
  if (policyIsOurs) await writeFile(servicePolicy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    const options = { signal, maxBuffer: 64 << 20, env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } };
    await run("apt-get", ["update", "-qq"], options);
    await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...missing], options);
  } finally {
    if (policyIsOurs) await rm(servicePolicy, { force: true });
  }
}

/** The folder of the newest installed PostgreSQL's programs, which Debian keeps off the PATH. */
export async function postgresFolder(): Promise<string | undefined> {
  const versions = existsSync(postgresRoot) ? await readdir(postgresRoot) : [];
  return versions
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(postgresRoot, version, "bin"))
    .find((folder) => existsSync(join(folder, "postgres")));
}

function onPath(command: string): boolean {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return [...folders, "/usr/sbin", "/sbin"].some((folder) => existsSync(join(folder, command)));
}
