import type { Connection } from "../config/connection.js";
import { reads } from "../mount/credential-path.js";
import { jsonBytes } from "../shared/json-bytes.js";
import { Redacted } from "../shared/redacted.js";
import { escapePath, wireRequest } from "./api-path.js";
import { authMethods } from "./auth/auth-methods.js";
import { CredentialPaths } from "./credential-paths.js";
import { pathOf } from "./lease-namespace.js";
import { type Operation, answersRaw, renewSelfPath } from "./operation.js";
import { jwtExpiry } from "./jwt-expiry.js";
import type { Answered } from "./node-client.js";
import type { Caller, LeaseAuthority, VaultClient, VaultToken } from "./vault-client.js";
import type { VaultQuestion } from "./through-node-vault.js";
import { VaultError } from "./vault-error.js";
import { type ConnectionLoad, VaultConnection, type VaultConnectionParts } from "./vault-connection.js";
import { leaseGrantIn, leaseIn, mountIn, tokenGrantIn, tokenIn } from "./vault-reply.js";

export interface LiveVaultClient extends VaultClient {
  /** Meets a connection's node without a token, so that `faults` knows before a pod asks. An outage is no failure. */
  identify(connection: Connection, signal: AbortSignal): Promise<void>;
  /** Faults that only the cluster administrator can fix (TLS refused, name not found), by connection; an outage is none. */
  faults(): ReadonlyMap<string, string>;
  /** By connection, of those used so far. */
  loads(): ReadonlyMap<string, ConnectionLoad>;
  /** Ends every socket; requests still open fail as outages. */
  close(): Promise<void>;
}

/**
 * Vault over HTTP, through node-vault. Connections are known by their names. A read that `paths` knows to make credentials
 * is given the whole time, and is not repeated.
 */
export function createVaultClient({
  paths = new CredentialPaths(),
  ...parts
}: VaultConnectionParts & { paths?: CredentialPaths }): LiveVaultClient {
  const opened = new Map<string, VaultConnection>();
  const to = (connection: Connection): VaultConnection => {
    const known = opened.get(connection.name);
    if (known) return known;
    const made = new VaultConnection(connection, parts);
    opened.set(connection.name, made);
    return made;
  };

  /** Asks an operation by its own method and path. */
  const ask = (
    operation: Operation,
    { token, body }: { token?: VaultToken; body?: Redacted<string> },
    caller: Caller,
    signal: AbortSignal,
  ): Promise<Answered> => {
    const { connection, method, path, vaultNamespace } = operation;
    const question = { method, path: escapePath(path), vaultNamespace, token: token?.secret, body, pod: caller.pod };
    return to(connection).ask(operation, question, caller, signal);
  };

  const askOfLease = (
    kind: "renew" | "revoke",
    { connection, on, leaseId }: { connection: Connection; on: LeaseAuthority; leaseId: Redacted<string> },
    more: { increment?: number },
    caller: Caller,
    signal: AbortSignal,
  ): Promise<Answered> => {
    const { vaultNamespace, token, below = "" } = on;
    const path = inNamespace(below, `sys/leases/${kind}`);
    const subject = inNamespace(below, pathOf(leaseId));
    const operation: Operation = { kind, connection, method: "POST", path, vaultNamespace, subject };
    const body = new Redacted(JSON.stringify({ lease_id: leaseId.reveal(), ...more }));
    return ask(operation, { token, body }, caller, signal);
  };

  return {
    identify: (connection, signal) => to(connection).identify(signal),

    async login(connection, { jwt, ...login }, caller, signal) {
      const { vaultNamespace } = login;
      const { path, body: named } = authMethods[connection.authMethod].login(login, jwt);
      const expiresAt = jwtExpiry(jwt);
      const operation: Operation = {
        kind: "login",
        connection,
        method: "POST",
        path,
        vaultNamespace,
        subject: `${path}/${login.role}`,
        login: { ...login, ...(expiresAt !== undefined && { expiresAt }) },
      };
      const body = new Redacted(JSON.stringify(named.reveal()));
      const { reply, requestedAt } = await ask(operation, { body }, caller, signal);
      return tokenIn(reply.body ?? null, requestedAt);
    },

    async request(connection, { vaultNamespace, token }, request, caller, signal) {
      const { method, path, query } = request;
      const isRead = reads(request);
      const args = isRead ? undefined : request.args;
      const makes = !isRead || paths.makesCredentials(connection.name, vaultNamespace, path);
      const kind = makes ? "issue" : "read";
      const operation: Operation = { kind, connection, method, path, query, vaultNamespace, args };
      const { pod, intake } = caller;
      const wire = wireRequest(request);
      const question: VaultQuestion = {
        method: wire.method,
        path: wire.path,
        vaultNamespace,
        token: token.secret,
        body: args,
        pod,
        intake,
      };
      const { reply, requestedAt } = await to(connection).ask(operation, question, caller, signal);
      const lease = reply.body ? leaseIn(reply.body) : undefined;
      if (reply.raw && answersRaw(operation)) return { body: reply.raw, bytes: reply.bytes, requestedAt };
      const parsed = reply.body ?? null;
      return { body: new Redacted(parsed), bytes: jsonBytes(parsed), requestedAt, lease };
    },

    async lookupSelf(connection, { vaultNamespace, token }, caller, signal) {
      const path = "auth/token/lookup-self";
      const operation: Operation = { kind: "lookup", connection, method: "GET", path, vaultNamespace };
      await ask(operation, { token }, caller, signal);
    },

    async lookupMount(connection, { vaultNamespace, token }, below, caller, signal) {
      const path = `sys/internal/ui/mounts/${below}`;
      const subject = "sys/internal/ui/mounts";
      const operation: Operation = { kind: "lookup", connection, method: "GET", path, vaultNamespace, subject };
      try {
        const { reply } = await ask(operation, { token }, caller, signal);
        return mountIn(reply.body ?? null, vaultNamespace, below);
      } catch (reason) {
        if (reason instanceof VaultError && reason.mount === "none") return { found: "none" };
        throw reason;
      }
    },

    async renewSelf(connection, { vaultNamespace, token, authMount = "token" }, incrementMs, caller, signal) {
      const path = renewSelfPath;
      const subject = `auth/${authMount}/login`;
      const operation: Operation = { kind: "renew", connection, method: "POST", path, vaultNamespace, subject };
      const body = new Redacted(JSON.stringify({ increment: inSeconds(incrementMs) }));
      const { reply, requestedAt } = await ask(operation, { token, body }, caller, signal);
      return tokenGrantIn(reply.body ?? null, requestedAt);
    },

    async renewLease(connection, on, leaseId, incrementMs, caller, signal) {
      const more = { increment: inSeconds(incrementMs) };
      const { reply, requestedAt } = await askOfLease("renew", { connection, on, leaseId }, more, caller, signal);
      return leaseGrantIn(reply.body ?? null, requestedAt);
    },

    async revokeSelf(connection, { vaultNamespace, token }, caller, signal) {
      const path = "auth/token/revoke-self";
      const operation: Operation = { kind: "revoke", connection, method: "POST", path, vaultNamespace };
      try {
        await ask(operation, { token }, caller, signal);
      } catch (reason) {
        if (!(reason instanceof VaultError && reason.kind === "token_invalid")) throw reason;
      }
    },

    async revokeLease(connection, on, leaseId, caller, signal) {
      await askOfLease("revoke", { connection, on, leaseId }, {}, caller, signal);
    },

    faults: () =>
      new Map([...opened].flatMap(([name, { fault }]) => (fault === undefined ? [] : [[name, fault] as const]))),
    loads: () => new Map([...opened].map(([name, { load }]) => [name, load])),
    async close() {
      for (const made of opened.values()) made.close();
    },
  };
}

function inNamespace(below: string, path: string): string {
  return below === "" ? path : `${below}/${path}`;
}

function inSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}
