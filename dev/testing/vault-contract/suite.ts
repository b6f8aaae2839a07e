import { ask, type VaultResponse, type Question } from "./ask.js";
import type { Expected } from "./expected.js";
import type { VaultUnderTest } from "./vault-under-test.js";

/** What a suite of the contract works with: the Vault under test, asked as root unless a token is named. */
export class ContractContext {
  readonly underTest: VaultUnderTest;

  constructor(underTest: VaultUnderTest) {
    this.underTest = underTest;
  }

  root(method: string, path: string, body?: unknown): Promise<VaultResponse> {
    return this.ask(method, path, { token: this.underTest.rootToken, ...(body !== undefined && { body }) });
  }

  ask(method: string, path: string, question: Question = {}): Promise<VaultResponse> {
    return ask(this.underTest.address, method, path, question);
  }

  /** A JSON Merge Patch. */
  patch(path: string, body: unknown, token = this.underTest.rootToken): Promise<VaultResponse> {
    return this.ask("PATCH", path, { token, body, headers: { "content-type": "application/merge-patch+json" } });
  }

  /** As root; throws unless it is done. */
  async must(method: string, path: string, body?: unknown): Promise<VaultResponse> {
    const response = await this.root(method, path, body);
    if (response.status >= 300) throw new Error(`${method} ${path}: ${response.status} ${response.text}`);
    return response;
  }

  /** A new token with these policies and further fields of `auth/token/create`. */
  async token(options: Record<string, unknown>): Promise<{ client_token: string; accessor: string }> {
    return (await this.must("POST", "auth/token/create", options)).json!.auth!;
  }
}

/** One part of the contract; declares its tests. `context` is there once they run; `expected` is the product's. */
export type Suite = (context: () => ContractContext, expected: Expected) => void;
