import type { Connection } from "../config/connection.js";
import type { Redacted } from "../shared/redacted.js";

export const operationKinds = ["login", "read", "issue", "lookup", "renew", "revoke"] as const;
export type OperationKind = (typeof operationKinds)[number];

/** What is being asked of Vault, as far as messages, retries and metrics need to know. */
export interface Operation {
  kind: OperationKind;
  connection: Connection;
  /** GET, LIST, POST, …, as the class wrote it. */
  method: string;
  /** As the class wrote it: `secret/data/app`; not escaped, without its query. */
  path: string;
  query?: string;
  vaultNamespace: string;
  /** What it is about, where that is not its path: of a lease's renewal, the path that made the lease. */
  subject?: string;
  /** The body, as JSON text: a refusal must not say it again. */
  args?: Redacted<string> | undefined;
  /** Of every login, and of nothing else. */
  login?: Login;
}

/** What a refused login should name. */
export interface Login {
  role: string;
  authMount: string;
  /** Empty: the root namespace. */
  vaultNamespace: string;
  serviceAccount: string;
  audience: string;
  /** When its token ends, in milliseconds since the epoch, where the token says so. */
  expiresAt?: number;
}

export const renewSelfPath = "auth/token/renew-self";

/** Whether asking twice does no more than asking once, or costs a token that ends by itself. */
export function isRepeatable({ kind }: Operation): boolean {
  return kind !== "issue";
}

/** Whether an engine may answer it raw: a mere read. */
export function answersRaw({ kind, method }: Operation): boolean {
  return kind === "read" && method === "GET";
}
