import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";

/** How to reach a Vault as its administrator. Plain data: it travels to the test processes. */
export interface VaultAccess {
  readonly address: string;
  readonly token: string;
  /** PEM, of a Vault that speaks TLS. */
  readonly ca?: string;
}

/** A role of Vault's kubernetes auth method. Duration strings as Vault reads them. */
export interface KubernetesRole {
  readonly namespaces: readonly string[];
  readonly serviceAccounts: readonly string[];
  readonly policies: readonly string[];
  readonly audience: string;
  readonly ttl?: string;
  readonly maxTtl?: string;
}

export class VaultApi {
  constructor(readonly access: VaultAccess) {}

  /** Any request with the administrator's token. Throws unless Vault answers 200 or 204. */
  async request<T = { data: Record<string, unknown> }>(method: string, path: string, body?: unknown): Promise<T> {
    const { status, text } = await this.answer(method, path, body);
    if (status >= 300) throw new Error(`Vault answers ${status} to ${method} ${path}: ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  /** The same, with any answer of Vault's. */
  async answer(method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
    const { address, token, ca } = this.access;
    const url = new URL(`/v1/${path}`, address);
    const headers = { "X-Vault-Token": token, "X-Vault-Request": "true" };
    const begin = url.protocol === "https:" ? requestHttps : requestHttp;
    return new Promise((resolve, reject) => {
      const call = begin(url, { method, headers, agent: false, ...(ca && { ca }) }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        response.on("error", reject).on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      });
      call.on("error", reject).end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** Writes a new version of a KV v2 secret of the mount `secret` and gives its number. */
  async writeSecret(path: string, data: Record<string, unknown>): Promise<number> {
    const { data: written } = await this.request("POST", `secret/data/${path}`, { data });
    return Number(written["version"]);
  }

  async writePolicy(name: string, rules: string): Promise<void> {
    await this.request("PUT", `sys/policies/acl/${name}`, { policy: rules });
  }

  async writeRole(name: string, role: KubernetesRole, mount = "kubernetes"): Promise<void> {
    await this.request("POST", `auth/${mount}/role/${name}`, {
      bound_service_account_names: role.serviceAccounts,
      bound_service_account_namespaces: role.namespaces,
      token_policies: role.policies,
      audience: role.audience,
      token_ttl: role.ttl ?? "1h",
      token_max_ttl: role.maxTtl ?? "24h",
    });
  }
}
