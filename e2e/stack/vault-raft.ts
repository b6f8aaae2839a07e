import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePorts } from "../../dev/testing/free-ports.js";
import { eventually } from "./eventually.js";
import { Service } from "./service.js";
import { VaultApi } from "./vault-api.js";

export interface RaftNode {
  readonly name: string;
  readonly address: string;
  /** Asks this very node, as its administrator. */
  readonly api: VaultApi;
  /** Starts its process, sealed, on the data it left. */
  readonly start: () => Promise<void>;
  readonly unseal: () => Promise<void>;
  readonly seal: () => Promise<void>;
  /** Ends its process: SIGKILL is a crash, SIGTERM a shutdown in which a leader steps down. */
  readonly end: (how: "SIGKILL" | "SIGTERM") => Promise<void>;
}

export interface VaultRaft {
  readonly nodes: readonly RaftNode[];
  /** The node that leads now; waits while there is none. */
  readonly leader: () => Promise<RaftNode>;
  readonly stop: () => Promise<void>;
}

export interface RaftOptions {
  readonly binary: string;
  /** Empty; holds the nodes' data and configuration. */
  readonly directory: string;
  readonly logs: string;
  readonly size: number;
  /** Where the nodes listen, in the order of their names; by default on free ports of the loopback interface. */
  readonly listeners?: readonly Listener[];
}

export interface Listener {
  readonly ip: string;
  readonly port: number;
  readonly clusterPort: number;
  /** PEM files, and the CA that vouches for them as PEM; plain HTTP without. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string; readonly ca: string };
  /** A network namespace to run in, by its name. */
  readonly netns?: string;
}

/** A Vault cluster on integrated storage: initialised, unsealed, every node a voter, ready for one to be killed. */
export async function startVaultRaft(options: RaftOptions, signal: AbortSignal): Promise<VaultRaft> {
  const secrets: ClusterSecrets = { token: "", unsealKey: "" };
  const names = Array.from({ length: options.size }, (_, index) => `vault-${index + 1}`);
  const nodes = await Promise.all(
    names.map(async (name, index) => {
      const listener = options.listeners?.[index] ?? (await loopbackListener());
      return prepareNode(name, listener, options, secrets, signal);
    }),
  );
  const raft: VaultRaft = {
    nodes,
    leader: () => findLeader(nodes, signal),
    stop: async () => void (await Promise.all(nodes.map((node) => node.end("SIGKILL")))),
  };
  try {
    await Promise.all(nodes.map((node) => node.start()));
    await formCluster(nodes, secrets, signal);
    return raft;
  } catch (error) {
    await raft.stop();
    throw error;
  }
}

/** Known once the first node has been initialised; every node's administrator reads them from here. */
interface ClusterSecrets {
  token: string;
  unsealKey: string;
}

async function loopbackListener(): Promise<Listener> {
  const { port, clusterPort } = await freePorts("port", "clusterPort");
  return { ip: "127.0.0.1", port, clusterPort };
}

async function prepareNode(
  name: string,
  listener: Listener,
  { binary, directory, logs }: RaftOptions,
  secrets: ClusterSecrets,
  signal: AbortSignal,
): Promise<RaftNode> {
  const { ip, port, clusterPort, tls, netns } = listener;
  const address = `${tls ? "https" : "http"}://${ip}:${port}`;
  const data = join(directory, name);
  const config = join(directory, `${name}.hcl`);
  await mkdir(data, { recursive: true });
  await writeFile(
    config,
    `disable_mlock = true
api_addr = "${address}"
cluster_addr = "https://${ip}:${clusterPort}"
storage "raft" {
  path = "${data}"
  node_id = "${name}"
  performance_multiplier = 1
}
listener "tcp" {
  address = "${ip}:${port}"
  cluster_address = "${ip}:${clusterPort}"
  ${tls ? `tls_cert_file = "${tls.certFile}"\n  tls_key_file = "${tls.keyFile}"` : "tls_disable = true"}
}
`,
  );

  const api = new VaultApi({
    address,
    ...(tls && { ca: tls.ca }),
    get token() {
      return secrets.token;
    },
  });
  const [command, ...args] = [...(netns ? ["ip", "netns", "exec", netns] : []), binary, "server", `-config=${config}`];
  const service = new Service({
    name,
    command,
    args,
    log: join(logs, `${name}.log`),
    stopSignal: "SIGTERM",
    ready: () => api.request("GET", "sys/seal-status"),
  });
  return {
    name,
    address,
    api,
    start: () => service.start(signal),
    /** Straight after a join it may answer 500 until the leader's keyring has arrived. */
    async unseal() {
      await eventually(() => api.request("PUT", "sys/unseal", { key: secrets.unsealKey }), signal);
      await eventually(async () => {
        const { sealed } = await api.request<{ sealed: boolean }>("GET", "sys/seal-status");
        if (sealed) throw new Error(`${name} is still sealed`);
      }, signal);
    },
    async seal() {
      await api.request("PUT", "sys/seal");
    },
    end: (how) => (how === "SIGKILL" ? service.crash() : service.stop()),
  };
}

async function formCluster(nodes: readonly RaftNode[], secrets: ClusterSecrets, signal: AbortSignal): Promise<void> {
  const [first, ...others] = nodes;
  if (!first) throw new Error("a cluster has at least one node");
  const init = { secret_shares: 1, secret_threshold: 1 };
  const made = await first.api.request<{ root_token: string; keys_base64: [string] }>("PUT", "sys/init", init);
  secrets.token = made.root_token;
  secrets.unsealKey = made.keys_base64[0];
  await first.unseal();
  const leader = await findLeader(nodes, signal);
  // By default a new voter is watched for ten seconds before it counts.
  const autopilot = { server_stabilization_time: "1s", cleanup_dead_servers: false };
  await eventually(() => leader.api.request("POST", "sys/storage/raft/autopilot/configuration", autopilot), signal);
  for (const node of others) {
    await node.api.request("POST", "sys/storage/raft/join", {
      leader_api_addr: first.address,
      leader_ca_cert: first.api.access.ca,
    });
    await node.unseal();
  }
  await eventually(async () => {
    const { data } = await leader.api.request("GET", "sys/storage/raft/autopilot/state");
    const voters = (data["voters"] as unknown[] | undefined)?.length;
    if (data["healthy"] !== true || voters !== nodes.length) throw new Error(`voters: ${voters}`);
  }, signal);
}

async function findLeader(nodes: readonly RaftNode[], signal: AbortSignal): Promise<RaftNode> {
  return eventually(async () => {
    for (const node of nodes) {
      const status = await node.api.request<{ is_self: boolean }>("GET", "sys/leader").catch(() => undefined);
      if (status?.is_self) return node;
    }
    throw new Error("no node leads");
  }, signal);
}
