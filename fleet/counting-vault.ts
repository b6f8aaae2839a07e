import type { Connection } from "../src/config/connection.js";
import { LosslessNumber } from "lossless-json";
import type { JsonObject } from "../src/shared/json.js";
import { classifyFault } from "../src/vault/connection-fault.js";
import { classifyResponse } from "../src/vault/error-response.js";
import { ExchangeError } from "../src/vault/http-exchange.js";
import type { Outcome } from "../src/vault/node-client.js";
import type { Operation } from "../src/vault/operation.js";
import type { VaultQuestion } from "../src/vault/through-node-vault.js";
import type { VaultNodes } from "../src/vault/vault-connection.js";
import { type RequestKind, capacityMs, cpuMs, requestKinds } from "./vault-capacity.js";
import type { VirtualClock } from "./virtual-clock.js";

/** How many of what in one period. */
export type Counts = Record<RequestKind | "late", number>;

/** Lives of what this Vault grants, in milliseconds. */
export interface Lives {
  token: number;
  lease: number;
}

const roundTripMs = 5;
const tokenReviewMs = 15;
/** As `NodeClient` gives up. */
const [firstByteMs, totalMs] = [10_000, 20_000];

/**
 * A Vault that all nodes of a sample share: it knows tokens and leases by their ends, counts what it is asked, and takes for
 * each request the CPU time that a real one does, of as much as the sample's share is. What waits longer than the client does
 * is carried out in vain.
 */
export class CountingVault {
  readonly #clock: VirtualClock;
  readonly #lives: Lives;
  /** Nodes of the fleet for each one of the sample. */
  readonly #scale: number;
  readonly #periodMs: number;
  readonly #periods: Counts[] = [];
  /** When the token ends, and the leases that hang on it. */
  readonly #tokens = new Map<string, { endsAt: number; leases: Map<string, number> }>();
  #made = 0;
  #busyUntil = 0;
  isDown = false;

  constructor(clock: VirtualClock, lives: Lives, scale: number, periodMs: number) {
    this.#clock = clock;
    this.#lives = lives;
    this.#scale = scale;
    this.#periodMs = periodMs;
  }

  /** Of each period since the beginning, scaled to the fleet. */
  periods(until: number): Counts[] {
    const many = Math.ceil(until / this.#periodMs);
    const scaled = (counts: Counts | undefined) =>
      Object.fromEntries(Object.entries(counts ?? none()).map(([kind, n]) => [kind, n * this.#scale])) as Counts;
    return Array.from({ length: many }, (_, n) => scaled(this.#periods[n]));
  }

  /** Tokens and leases that have not ended, scaled to the fleet. */
  outstanding(): { tokens: number; leases: number } {
    const now = this.#clock.monotonic();
    let leases = 0;
    for (const [token, { endsAt, leases: own }] of this.#tokens) {
      if (endsAt <= now) this.#tokens.delete(token);
      else for (const end of own.values()) leases += Number(end > now);
    }
    return { tokens: this.#tokens.size * this.#scale, leases: leases * this.#scale };
  }

  nodes({ addresses: [address] }: Connection): VaultNodes {
    const { origin } = address!;
    return {
      ask: (_origin, operation, question, patient, signal) =>
        this.#serve(kindOf(operation), patient ? totalMs : firstByteMs, origin, signal, () =>
          this.#answer(operation, question, origin),
        ),
      endIdle: () => {},
      askHealth: (_origin, signal) =>
        this.#serve("health", firstByteMs / 2, origin, signal, () => this.#reply({ initialized: true, sealed: false })),
      close: () => {},
    };
  }

  async #serve(
    kind: RequestKind,
    patienceMs: number,
    origin: string,
    signal: AbortSignal,
    answer: () => Outcome,
  ): Promise<Outcome> {
    const fault = (code: string, phase: "connecting" | "waiting") =>
      classifyFault(new ExchangeError(code, phase, false), origin);
    if (this.isDown) {
      await this.#clock.sleep(roundTripMs, signal);
      return fault("ECONNREFUSED", "connecting");
    }
    const now = this.#clock.monotonic();
    const startsAt = Math.max(now, this.#busyUntil);
    this.#busyUntil = startsAt + (cpuMs[kind] * this.#scale * 1000) / capacityMs;
    const period = (this.#periods[Math.floor(now / this.#periodMs)] ??= none());
    period[kind] += 1;
    const takesMs = startsAt - now + cpuMs[kind] + roundTripMs + (kind === "login" ? tokenReviewMs : 0);
    const outcome = answer();
    await this.#clock.sleep(Math.min(takesMs, patienceMs), signal);
    if (takesMs <= patienceMs) return outcome;
    period.late += 1;
    return fault("TIMEOUT_WAITING", "waiting");
  }

  #answer(operation: Operation, { token, body }: VaultQuestion, origin: string): Outcome {
    const now = this.#clock.monotonic();
    if (operation.kind === "login") {
      const secret = `hvs.${(this.#made += 1)}`;
      this.#tokens.set(secret, { endsAt: now + this.#lives.token, leases: new Map() });
      return this.#reply({ auth: this.#auth(secret) });
    }
    const secret = token!.reveal();
    const own = this.#tokens.get(secret);
    if (!own || own.endsAt <= now) return this.#refuse(operation, origin);
    if (operation.kind === "revoke") {
      this.#tokens.delete(secret);
      return { reply: { status: 204, headers: {}, bytes: 0, body: null }, requestedAt: now };
    }
    if (operation.path === "auth/token/renew-self") {
      own.endsAt = now + this.#lives.token;
      return this.#reply({ auth: this.#auth(secret) });
    }
    if (operation.path === "sys/leases/renew") {
      const { lease_id: id } = JSON.parse(body!.reveal()) as { lease_id: string };
      return this.#lease(id, own.leases);
    }
    if (isLeased(operation.path)) return this.#lease(`${operation.path}/${(this.#made += 1)}`, own.leases);
    return this.#reply({ data: { data: { password: "x" } } });
  }

  #lease(id: string, leases: Map<string, number>): Outcome {
    leases.set(id, this.#clock.monotonic() + this.#lives.lease);
    const data = { username: "u", password: "p" };
    return this.#reply({ lease_id: id, lease_duration: seconds(this.#lives.lease), renewable: true, data });
  }

  #auth(secret: string): JsonObject {
    const lease_duration = seconds(this.#lives.token);
    return { client_token: secret, accessor: secret, token_type: "service", lease_duration, renewable: true };
  }

  #refuse(operation: Operation, origin: string): Outcome {
    const body = { errors: ["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"] };
    const reply = { status: 403, headers: {}, bytes: 100, body };
    return classifyResponse(operation, reply, { origin, wall: this.#clock.wall() })!;
  }

  #reply(body: JsonObject): Outcome {
    return { reply: { status: 200, headers: {}, bytes: 1024, body }, requestedAt: this.#clock.monotonic() };
  }
}

function kindOf({ kind, path }: Operation): RequestKind {
  if (kind === "login") return "login";
  if (kind === "renew") return "renewal";
  if (kind === "revoke") return "revocation";
  return isLeased(path) ? "lease" : "read";
}

function isLeased(path: string): boolean {
  return path.startsWith("database/creds/");
}

function seconds(ms: number): LosslessNumber {
  return new LosslessNumber(String(Math.round(ms / 1000)));
}

function none(): Counts {
  return Object.fromEntries([...requestKinds, "late"].map((kind) => [kind, 0])) as Counts;
}
