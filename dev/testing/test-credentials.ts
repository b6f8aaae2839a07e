import { EventLoopScheduler } from "../../src/shared/event-loop-scheduler.js";
import { type Credentials, type CredentialsParts, createCredentials } from "../../src/leases/credentials.js";
import { Redacted } from "../../src/shared/redacted.js";
import type { StoredToken } from "../../src/vault/stored-token.js";
import { CredentialPaths } from "../../src/vault/credential-paths.js";
import { leaseRules } from "../../src/vault/lease-rules.js";
import { newTerm } from "../../src/vault/term.js";
import { sampleConnection } from "./connection.js";

/** A lead of five minutes and an hour for what is orphaned, as without settings. */
export const usualRules = leaseRules({ driverPollIntervalMs: 120_000, maxOrphanMs: 3_600_000 });

export function sampleLimits(change: Partial<CredentialsParts["limits"]> = {}): CredentialsParts["limits"] {
  return { volumes: 1_000, bytes: 64 << 20, inFlightBytes: 64 << 20, responseBytes: 3584 << 10, ...change };
}

/** What holds, in front of any `VaultClient`; every draw is one half, unless said. */
export function testCredentials(
  parts: Pick<CredentialsParts, "client" | "clock"> & Partial<CredentialsParts>,
): Credentials {
  return createCredentials({
    random: () => 0.5,
    scheduler: new EventLoopScheduler(parts.clock),
    limits: sampleLimits(),
    rules: usualRules,
    paths: new CredentialPaths(),
    emit: () => {},
    lives: () => false,
    isStranger: () => false,
    refreshRequested: () => undefined,
    credentialsRefused: () => undefined,
    lifetime: new AbortController().signal,
    ...parts,
  });
}

/** A token of an hour, as a login would have got it at 0. */
export function sampleStoredToken(change: Partial<StoredToken> = {}): StoredToken {
  return {
    ownerKey: "key-1",
    connection: sampleConnection(),
    vaultNamespace: "",
    role: "web",
    authMount: "kubernetes",
    token: {
      secret: new Redacted("t"),
      accessor: "a",
      type: "service",
      renewable: true,
      issuedAt: 0,
      ttlMs: 3_600_000,
    },
    caller: { namespace: "shop", pod: "shop/web-0/uid-1" },
    term: newTerm({ requestedAt: 0, durationMs: 3_600_000, renewable: true }, usualRules, 0.5),
    failures: 0,
    retryAt: 0,
    state: "current",
    wasRenewed: false,
    usesLeft: Infinity,
    inUse: 0,
    leases: 0,
    ...change,
  };
}
