import type { Data } from "./answer.js";

/** How to reach a Vault as its administrator; the embedded one or a real one. */
export interface VaultAccess {
  readonly address: string;
  readonly token: string;
}

/** Says to a Vault what its operator would, over its HTTP API. */
export class Administrator {
  readonly #access: VaultAccess;

  readonly #signal: AbortSignal | undefined;

  /** Aborting the signal ends a request, and refuses those after it. */
  constructor(access: VaultAccess, signal?: AbortSignal) {
    this.#access = access;
    this.#signal = signal;
  }

  /** The body of a 200, `{}` of a 204. Throws on anything else. */
  async request(method: string, path: string, body?: unknown): Promise<Data> {
    const response = await fetch(`${this.#access.address}/v1/${path}`, {
      method,
      headers: { "x-vault-token": this.#access.token },
      ...(this.#signal && { signal: this.#signal }),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`Vault answers ${response.status} to ${method} ${path}: ${text}`);
    return (text === "" ? {} : JSON.parse(text)) as Data;
  }

  async write(path: string, body: unknown = {}): Promise<void> {
    await this.request("POST", path, body);
  }

  /** Writes a secret of a KV v2 mount. */
  async putSecret(path: string, data: Data, mount = "kv"): Promise<void> {
    await this.write(`${mount}/data/${path}`, { data });
  }
}
