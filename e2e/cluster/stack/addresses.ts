/** Of the run's own network namespace; main.ts gives them to its loopback interface. */
export const addresses = {
  /** The `kubernetes` Service's, at which the API server itself listens: no kube-proxy is needed. */
  apiServer: { ip: "10.96.0.1", port: 443 },
  vault: { ip: "10.97.0.1", port: 8200, clusterPort: 8201 },
  node: "10.98.0.1",
  podSubnet: "10.99.0.0/24",
  /** Of a cluster of Vaults, each in a network namespace of its own (raft-network.ts). */
  raft: { prefix: "10.100.0", gateway: "10.100.0.1", port: 8200, clusterPort: 8201 },
} as const;

export const nodeName = "node-1";
