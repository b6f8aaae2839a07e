import { readFile } from "node:fs/promises";

interface AuditEntry {
  type: "request" | "response";
  error?: string;
  auth?: { metadata?: Record<string, string>; display_name?: string };
  request: { operation: string; path: string; headers?: Record<string, string[]> };
}

export interface AuditedRequest {
  /** `login` for a login, otherwise Vault's operation and the path: `read secret/data/app`. */
  readonly what: string;
  /** Whether Vault did it. */
  readonly ok: boolean;
  readonly serviceAccount: string;
  /** What Vault keeps of the token that logged in. */
  readonly metadata: Readonly<Record<string, string>>;
  /** What keymount said about whom the request is for. */
  readonly pod: string | undefined;
}

/** What Vault was asked by the service accounts of one Kubernetes namespace, in order, from its own audit log. */
export async function auditedRequests(auditLog: string, namespace: string): Promise<AuditedRequest[]> {
  const lines = (await readFile(auditLog, "utf8")).split("\n").filter((line) => line.includes(namespace));
  return lines
    .map((line) => JSON.parse(line) as AuditEntry)
    .filter(({ type, auth }) => type === "response" && auth?.metadata?.["service_account_namespace"] === namespace)
    .map(({ auth, error, request: { operation, path, headers } }) => ({
      what: path.endsWith("/login") ? "login" : `${operation} ${path}`,
      ok: error === undefined,
      serviceAccount: `${namespace}/${auth?.metadata?.["service_account_name"]}`,
      metadata: auth?.metadata ?? {},
      pod: headers?.["x-keymount-pod"]?.[0],
    }));
}
