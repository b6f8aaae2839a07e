import { randomBytes } from "node:crypto";
import { type Clock, systemClock } from "../../src/shared/clock.js";
import { Database } from "./database.js";
import { type Fault, type FaultMatcher, Faults, type StandingFault } from "./faults.js";
import { tokenIds } from "./identifiers.js";
import type { Product } from "./product.js";
import { type OpenBaoVersion, releaseOf } from "./release.js";
import type { TokenReviewer } from "./kubernetes-auth.js";
import { RequestLog } from "./request-log.js";
import { ServiceAccountIssuer, type ServiceAccountTokenOptions } from "./service-account-issuer.js";
import { VaultCluster } from "./vault-cluster.js";
import { VaultNode } from "./vault-node.js";

export interface DevVaultOptions {
  /** Whose answers it gives. Vault's unless said. */
  readonly product?: Product;
  /** Which OpenBao, where that is the product; 2.6.2 unless said. */
  readonly version?: OpenBaoVersion;
  /** Everything that ends, ends by this clock. The system's unless said. */
  readonly clock?: Clock;
  /** 0, the default, is any free port. */
  readonly port?: number;
  /** The root token's id; random unless said. */
  readonly rootToken?: string;
  /** A unix socket to listen on as well, in plain HTTP. Its file is removed on `stop`. */
  readonly socketPath?: string;
  /** Speaks TLS on its port. PEM; with `ca` it asks clients for a certificate of that CA. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string };
  /** Judges the tokens of kubernetes logins, where they are not made by `mintServiceAccountToken`. */
  readonly review?: TokenReviewer;
  /** What every answer takes on top. */
  readonly latencyMs?: number;
}

/** What is alive in the Vault. The root token is not counted. */
export interface LiveCounts {
  readonly tokens: number;
  readonly leases: number;
  /** Of all database engines together. */
  readonly users: number;
}

/** A server in memory that answers as Vault 1.21.1 does, or OpenBao 2.6.2, and the handles that tests turn. */
export class DevVault {
  readonly rootToken: string;
  readonly unsealKey = randomBytes(32).toString("base64");
  readonly clock: Clock;
  readonly log = new RequestLog();
  /** Plays the API server of the kubernetes auth method. */
  readonly kubernetes: ServiceAccountIssuer;
  /** While true, the API server cannot be reached, so that no kubernetes login succeeds. */
  kubernetesIsDown = false;
  readonly cluster: VaultCluster;
  /** The node that leads, unless another was made to. */
  readonly node: VaultNode;
  readonly #faults = new Faults();
  readonly #nodes: VaultNode[] = [];
  readonly #options: DevVaultOptions;

  constructor(options: DevVaultOptions) {
    this.#options = options;
    this.clock = options.clock ?? systemClock;
    const { product = "vault" } = options;
    this.rootToken = options.rootToken ?? tokenIds[product].service();
    this.kubernetes = new ServiceAccountIssuer(this.clock);
    this.cluster = new VaultCluster({
      clock: this.clock,
      product,
      release: releaseOf(product, options.version),
      rootToken: this.rootToken,
      review: (jwt, audiences) => {
        if (this.kubernetesIsDown) throw new Error("the API server is down");
        return (options.review ?? this.kubernetes.review.bind(this.kubernetes))(jwt, audiences);
      },
    });
    this.node = this.#addNode();
  }

  /** Of the leading node: `http://127.0.0.1:PORT`. */
  get address(): string {
    return this.node.address;
  }

  /** A further node of the same cluster, a standby of the first. */
  async startStandby(): Promise<VaultNode> {
    const node = this.#addNode();
    node.standing = "standby";
    for (const each of this.#nodes) each.leaderAddress = this.address;
    await node.listen({ port: 0, host: "127.0.0.1" });
    return node;
  }

  /** From now on requests that fit go wrong, on every node, until cleared or done `times` times. */
  fault(matcher: FaultMatcher, fault: Fault): StandingFault {
    return this.#faults.plan(matcher, fault);
  }

  clearFaults(): void {
    this.#faults.clear();
  }

  mintServiceAccountToken(options: ServiceAccountTokenOptions): string {
    return this.kubernetes.mint(options);
  }

  get live(): LiveCounts {
    const tokens = this.cluster.tokens.all().filter(({ id }) => id !== this.rootToken);
    const leases = this.cluster.leases.all();
    return { tokens: tokens.length, leases: leases.length, users: this.databases.flatMap(({ users }) => users).length };
  }

  /** Every database engine there is. */
  get databases(): Database[] {
    return this.cluster.mounts.map(({ engine }) => engine).filter((engine) => engine instanceof Database);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.stop()));
  }

  #addNode(): VaultNode {
    const { tls, latencyMs = 0 } = this.#options;
    const { cluster, log, unsealKey } = this;
    const node = new VaultNode({ cluster, log, faults: this.#faults, unsealKey, latencyMs, ...(tls && { tls }) });
    this.#nodes.push(node);
    return node;
  }
}

/** Starts an empty, unsealed Vault on loopback. End it with `stop`. */
export async function startDevVault(options: DevVaultOptions = {}): Promise<DevVault> {
  const vault = new DevVault(options);
  await vault.node.listen({ port: options.port ?? 0, host: "127.0.0.1" });
  if (options.socketPath !== undefined) await vault.node.listen({ path: options.socketPath });
  return vault;
}
