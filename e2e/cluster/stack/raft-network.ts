import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { addresses } from "./addresses.js";

const run = promisify(execFile);
const bridge = "kmraft";

/** A network namespace of its own for each of some nodes, all on one bridge that pods and the API server reach. */
export interface RaftNetwork {
  /** In the nodes' order. */
  readonly ips: readonly string[];
  readonly namespaces: readonly string[];
  /** Nothing passes between these two from now on; both still reach all others. Resolves with a function that reconnects them. */
  readonly cut: (one: string, other: string) => Promise<() => Promise<void>>;
  /** Whether the first can connect to the Vault of the second. */
  readonly reaches: (one: string, other: string) => Promise<boolean>;
  readonly stop: () => Promise<void>;
}

export async function makeRaftNetwork(size: number): Promise<RaftNetwork> {
  const { gateway, prefix, port } = addresses.raft;
  const numbers = Array.from({ length: size }, (_, index) => index + 1);
  const namespaces = numbers.map((number) => `raft-${number}`);
  const ips = numbers.map((number) => `${prefix}.${number + 10}`);
  await ip("link", "add", bridge, "type", "bridge");
  await ip("address", "add", `${gateway}/24`, "dev", bridge);
  await ip("link", "set", bridge, "up");
  for (const [index, namespace] of namespaces.entries()) await join(namespace, `${ips[index]}/24`, gateway);
  const namespaceOf = (address: string) => namespaces[ips.indexOf(address)]!;
  return {
    ips,
    namespaces,
    cut: async (one, other) => {
      await block("-A", namespaceOf(one), other);
      return () => block("-D", namespaceOf(one), other);
    },
    reaches: (one, other) =>
      ip("netns", "exec", namespaceOf(one), "timeout", "1", "bash", "-c", `: < /dev/tcp/${other}/${port}`).then(
        () => true,
        () => false,
      ),
    stop: async () => {
      for (const namespace of namespaces) await ip("netns", "delete", namespace);
      await ip("link", "delete", bridge);
    },
  };
}

async function join(namespace: string, address: string, gateway: string): Promise<void> {
  const within = ["-n", namespace];
  await ip("netns", "add", namespace);
  await ip(
    "link",
    "add",
    `${namespace}-out`,
    "master",
    bridge,
    "up",
    "type",
    "veth",
    "peer",
    "eth0",
    "netns",
    namespace,
  );
  await ip(...within, "address", "add", address, "dev", "eth0");
  for (const device of ["lo", "eth0"]) await ip(...within, "link", "set", device, "up");
  await ip(...within, "route", "add", "default", "via", gateway);
}

async function block(how: "-A" | "-D", namespace: string, peer: string): Promise<void> {
  const rules = [
    ["INPUT", "-s", peer],
    ["OUTPUT", "-d", peer],
  ];
  for (const rule of rules) await ip("netns", "exec", namespace, "iptables", how, ...rule, "-j", "DROP");
}

async function ip(...args: readonly string[]): Promise<void> {
  await run("ip", args);
}
