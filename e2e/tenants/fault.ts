/** How requests of one tenant are answered otherwise than Vault would. Plain data: it travels to the proxy's process. */
export interface Fault {
  /** What the path begins with, without `/v1/`; with its query. */
  readonly path: string;
  /** Only with this `X-Vault-Namespace`. */
  readonly vaultNamespace?: string;
  readonly how: Misanswer;
}

export type Misanswer =
  | { readonly kind: "hang" }
  /** The connection is reset before a byte is answered. */
  | { readonly kind: "reset" }
  /** Vault's own answer, so much later. */
  | { readonly kind: "late"; readonly ms: number }
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly body: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** A 200 whose body comes in chunks of one byte each. */
  | { readonly kind: "one-byte chunks"; readonly body: string }
  /** `103 Early Hints`, again and again, and never the answer. */
  | { readonly kind: "endless 103" };

/** The proxy's configuration: which requests get these faults from now on. Pods are distinguished by `X-Keymount-Pod`. */
export interface StandingFaults {
  readonly namespace: string;
  /** The first that fits counts. */
  readonly faults: readonly Fault[];
}

const json = { "content-type": "application/json" };

export function answering(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Misanswer {
  return { kind: "answer", status, body: JSON.stringify(body), headers: { ...json, ...headers } };
}

export const erring = (status: number, ...errors: string[]) => answering(status, { errors });

/** What Vault answers to a read of KV version 2. */
export function kvBody(data: Readonly<Record<string, unknown>>): object {
  const metadata = { created_time: "2026-01-01T00:00:00Z", deletion_time: "", destroyed: false, version: 1 };
  return { ...envelope, data: { data, metadata }, mount_type: "kv" };
}

export const kvAnswer = (data: Readonly<Record<string, unknown>>) => answering(200, kvBody(data));

/** What a database engine answers: a credential of an hour. */
export function credentialAnswer(leaseId: string, data: Readonly<Record<string, unknown>>): Misanswer {
  const lease = { lease_id: leaseId, renewable: true, lease_duration: 3_600 };
  return answering(200, { ...envelope, ...lease, data, mount_type: "database" });
}

const envelope = {
  request_id: "00000000-0000-0000-0000-000000000000",
  lease_id: "",
  renewable: false,
  lease_duration: 0,
  wrap_info: null,
  warnings: null,
  auth: null,
};
