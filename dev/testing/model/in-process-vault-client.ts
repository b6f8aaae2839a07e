import type { Connection } from "../../../src/config/connection.js";
import type { WireAnswer } from "../../vault/envelope.js";
import type { VaultNode } from "../../vault/vault-node.js";
import type { VaultRequest } from "../../../src/mount/mount-spec.js";
import type { Clock } from "../../../src/shared/clock.js";
import { Redacted } from "../../../src/shared/redacted.js";
import { authMethods } from "../../../src/vault/auth/auth-methods.js";
import type { Operation } from "../../../src/vault/operation.js";
import type { MountFinding } from "../../../src/vault/path-hint.js";
import { classifyResponse } from "../../../src/vault/error-response.js";
import type {
  Caller,
  Grant,
  VaultAnswer,
  VaultClient,
  VaultLogin,
  VaultToken,
} from "../../../src/vault/vault-client.js";
import { leaseGrantIn, leaseIn, readReply, tokenGrantIn, tokenIn } from "../../../src/vault/vault-reply.js";

interface Question {
  operation: Operation;
  /** With its query. */
  path: string;
  body?: object | string;
  token?: Redacted<string>;
}

interface On {
  token: VaultToken;
}

/** What the world around the client does and sees. */
export interface Surroundings {
  /** A process that was killed asks nothing more. */
  lives: () => boolean;
  /** A request is about to be carried out. */
  arrives: () => void;
  /** What stands behind the path is away, though Vault is not. */
  isAway: (path: string) => boolean;
  /** Vault has carried a request out, and its answer is not seen yet. `subject` tells what it was about: token and body. */
  passed: (operation: Operation, ok: boolean, subject: string) => Promise<void>;
  /** An answer to a request of a pod is seen. */
  answered: (caller: Caller, path: string, answer: VaultAnswer) => void;
}

/**
 * Asks the embedded Vault in the same process: answers and refusals are read as those of a real one are, and there is no
 * network to wait for. Vault carries each request out in one go.
 */
export class InProcessVaultClient implements VaultClient {
  readonly #node: VaultNode;
  readonly #clock: Clock;
  readonly #surroundings: Surroundings;

  constructor(node: VaultNode, clock: Clock, surroundings: Surroundings) {
    this.#node = node;
    this.#clock = clock;
    this.#surroundings = surroundings;
  }

  async login(connection: Connection, { jwt, ...login }: VaultLogin, _caller: Caller): Promise<VaultToken> {
    const { path, body: named } = authMethods[connection.authMethod].login(login, jwt);
    const operation: Operation = { kind: "login", connection, vaultNamespace: "", method: "POST", path, login };
    const { body, requestedAt } = await this.#ask({ operation, path, body: named.reveal() });
    return tokenIn(body, requestedAt);
  }

  async request(
    connection: Connection,
    { token }: On,
    { method, path, query, args }: VaultRequest,
    caller: Caller,
  ): Promise<VaultAnswer> {
    const reads = method === "GET" || method === "LIST";
    const operation: Operation = {
      kind: reads ? "read" : "issue",
      connection,
      vaultNamespace: "",
      method,
      path,
      query,
    };
    const { body, bytes, requestedAt } = await this.#ask({
      operation,
      path: query === "" ? path : `${path}?${query}`,
      token: token.secret,
      ...(args && { body: args.reveal() }),
    });
    const lease = body ? leaseIn(body) : undefined;
    const answer = { body: new Redacted(body), bytes, requestedAt, ...(lease && { lease }) };
    this.#surroundings.answered(caller, path, answer);
    return answer;
  }

  async lookupSelf(connection: Connection, { token }: On): Promise<void> {
    const path = "auth/token/lookup-self";
    const operation: Operation = { kind: "lookup", connection, vaultNamespace: "", method: "GET", path };
    await this.#ask({ operation, path, token: token.secret });
  }

  /** The model asks for no hints. */
  lookupMount(): Promise<MountFinding> {
    return Promise.resolve({ found: "unknown" });
  }

  async renewSelf(connection: Connection, { token }: On, incrementMs: number): Promise<Grant> {
    const path = "auth/token/renew-self";
    const operation: Operation = { kind: "renew", connection, vaultNamespace: "", method: "POST", path };
    const asked = { operation, path, token: token.secret, body: { increment: Math.ceil(incrementMs / 1000) } };
    const { body, requestedAt } = await this.#ask(asked);
    return tokenGrantIn(body, requestedAt);
  }

  async renewLease(
    connection: Connection,
    { token }: On,
    leaseId: Redacted<string>,
    incrementMs: number,
  ): Promise<Grant> {
    const path = "sys/leases/renew";
    const operation: Operation = { kind: "renew", connection, vaultNamespace: "", method: "POST", path };
    const lease = { lease_id: leaseId.reveal(), increment: Math.ceil(incrementMs / 1000) };
    const { body, requestedAt } = await this.#ask({ operation, path, token: token.secret, body: lease });
    return leaseGrantIn(body, requestedAt);
  }

  async revokeSelf(connection: Connection, { token }: On): Promise<void> {
    const path = "auth/token/revoke-self";
    const operation: Operation = { kind: "revoke", connection, vaultNamespace: "", method: "POST", path };
    await this.#ask({ operation, path, token: token.secret }).catch((error: unknown) => {
      if ((error as { kind?: string }).kind !== "token_invalid") throw error;
    });
  }

  async revokeLease(connection: Connection, { token }: On, leaseId: Redacted<string>): Promise<void> {
    const path = "sys/leases/revoke";
    const operation: Operation = { kind: "revoke", connection, vaultNamespace: "", method: "POST", path };
    await this.#ask({ operation, path, token: token.secret, body: { lease_id: leaseId.reveal() } });
  }

  async #ask({ operation, path, body, token }: Question) {
    const { lives, arrives, isAway, passed } = this.#surroundings;
    if (!lives()) return new Promise<never>(() => {});
    arrives();
    const requestedAt = this.#clock.monotonic();
    const wall = this.#clock.wall();
    const [plain = "", query = ""] = path.split("?");
    const headers = token ? { "x-vault-token": token.reveal() } : {};
    const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
    const request = { at: wall, method: operation.method, path: plain, query, namespace: "", headers, body: {} };
    const { status, headers: answered, body: answer } = isAway(plain) ? broken : await this.#node.ask(request, text);
    const reply = readReply({ status, headers: answered ?? {}, body: Buffer.from(answer ?? "") });
    const refusal = classifyResponse(operation, reply, { origin: "https://vault.example:8200", wall });
    await passed(operation, refusal === undefined, `${token?.reveal() ?? ""} ${text}`);
    if (refusal) throw refusal.error;
    return { body: reply.body ?? null, bytes: reply.bytes, requestedAt };
  }
}

const broken: WireAnswer = {
  status: 500,
  headers: {},
  body: '{"errors":["1 error occurred:\\n\\t* internal error\\n\\n"]}',
};
