import type { Connection } from "../../src/config/connection.js";

/** A connection as an operator gets it who names nothing but an address. */
export function sampleConnection(changes: Partial<Connection> = {}): Connection {
  return {
    name: "default",
    addresses: [{ origin: "https://vault.example:8200" }],
    aliases: [],
    vaultNamespace: "",
    tls: { skipVerify: false },
    authMount: "kubernetes",
    authMethod: "kubernetes",
    audiences: ["vault"],
    tokenPer: "pod",
    limits: {
      inFlight: 16,
      logins: 8,
      requestTimeoutMs: 20_000,
      connectTimeoutMs: 5_000,
      maxAnswerBytes: 4 << 20,
    },
    policy: [
      {
        namespaces: ["*"],
        authMounts: ["*"],
        roles: ["*"],
        vaultNamespaces: ["*"],
        audiences: ["*"],
        methods: ["GET", "LIST", "POST", "PUT"],
        paths: ["*"],
        deniedPaths: ["sys/*", "auth/*"],
      },
    ],
    ...changes,
  };
}
