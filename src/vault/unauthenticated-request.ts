import type { ConnectionLimits } from "../config/connection.js";
import type { Clock } from "../shared/clock.js";
import { classifyFault } from "./connection-fault.js";
import { ExchangeError, exchange } from "./http-exchange.js";
import { wantsTls } from "./error-response.js";
import { checkPrintable } from "./through-node-vault.js";
import { SocketPool } from "./socket-pool.js";
import type { TlsMaterial } from "./tls-files.js";
import { type VaultReply, readReply } from "./vault-reply.js";

/** A question that anybody may ask, and that carries no secret. */
export interface UnauthenticatedRequest {
  method: "GET" | "POST";
  /** After `/v1/`, escaped, with its query. */
  path: string;
  vaultNamespace?: string;
  body?: object;
}

export interface PlainNode {
  origin: string;
  material: TlsMaterial;
  limits: ConnectionLimits;
  clock: Clock;
}

/**
 * Asks one node once, without a token, over a connection of its own; returns its answer with any status. Throws a
 * `VaultError` where none came, or the signal's reason.
 */
export async function unauthenticatedRequest(
  { origin, material, limits, clock }: PlainNode,
  { method, path, vaultNamespace = "", body }: UnauthenticatedRequest,
  signal: AbortSignal,
): Promise<VaultReply> {
  const { connectTimeoutMs: connectMs, requestTimeoutMs: totalMs, maxAnswerBytes: maxBytes } = limits;
  checkPrintable(vaultNamespace);
  const pool = new SocketPool(origin, material, clock);
  const headers = {
    "X-Vault-Request": "true",
    ...(vaultNamespace !== "" && { "X-Vault-Namespace": vaultNamespace }),
    ...(body && { "Content-Type": "application/json" }),
  };
  try {
    const request = { method, path: `/v1/${path}`, headers, ...(body && { body: JSON.stringify(body) }) };
    const times = { connectMs, firstByteMs: totalMs, idleMs: totalMs, totalMs, maxBytes };
    const reply = readReply(await exchange({ pool, clock }, request, times, signal));
    const plain = wantsTls(reply, origin);
    if (plain) throw plain.error;
    return reply;
  } catch (reason) {
    throw reason instanceof ExchangeError ? classifyFault(reason, origin).error : reason;
  } finally {
    pool.close();
  }
}
