import { type Json, type JsonObject, isJsonNumber } from "../shared/json.js";
import { type PlainNode, unauthenticatedRequest } from "./unauthenticated-request.js";
import { unfollowed, unlikeVault } from "./error-response.js";
import { VaultError } from "./vault-error.js";

export type Product = "Vault" | "OpenBao";

/** What a node says of itself to anybody (`sys/health`). */
export interface NodeHealth {
  initialised: boolean;
  sealed: boolean;
  standing: "active" | "standby" | "performance standby" | "disaster recovery secondary";
  product: Product;
  /** As it stands in the answer, at most 40 characters; empty where there is none. */
  version: string;
  /** Empty while sealed, and behind some proxies. */
  clusterId: string;
  /** Its clock less ours, in milliseconds, to the second; `undefined` where it does not say. */
  clockAheadMs?: number;
}

/** After `/v1/`: a standby, too, is well. */
export const healthPath = "sys/health?standbyok=true&perfstandbyok=true";

/** Throws a `VaultError`: `outage` and `configuration` as other requests, `protocol` for what is no Vault. */
export async function askHealth(line: PlainNode, signal: AbortSignal): Promise<NodeHealth> {
  const { status, body, headers } = await unauthenticatedRequest(line, { method: "GET", path: healthPath }, signal);
  if (!body || typeof body["initialized"] !== "boolean") {
    if (status >= 500) throw new VaultError("outage", `${line.origin} answered with ${status}`, { status });
    if (status >= 300 && status < 400) throw unfollowed(status, headers.location, line.origin);
    throw unlikeVault(status, headers["content-type"], line.origin);
  }
  const now = body["server_time_utc"];
  const theirs = isJsonNumber(now) ? Number(now.toString()) * 1000 : undefined;
  return {
    initialised: body["initialized"],
    sealed: body["sealed"] === true,
    standing: standingOf(body),
    product: productOf(body),
    version: text(body["version"]),
    clusterId: text(body["cluster_id"]),
    // A server's time is cut to the second, so that it seems half a second behind.
    ...(theirs !== undefined && { clockAheadMs: theirs + 500 - line.clock.wall() }),
  };
}

/** Whether the node's health is that of a disaster recovery secondary (Vault Enterprise); a performance secondary serves clients. */
export function isForRecovery(health: JsonObject | null | undefined): boolean {
  return health?.["replication_dr_mode"] === "secondary";
}

function standingOf(body: JsonObject): NodeHealth["standing"] {
  if (isForRecovery(body)) return "disaster recovery secondary";
  if (body["performance_standby"] === true) return "performance standby";
  return body["standby"] === true ? "standby" : "active";
}

/**
 * OpenBao's versions began at 2, and it never said which edition it is; every Vault of version 2 does. Of performance standbys
 * OpenBao 2.6.2 says nothing, but versions before it did (http/sys_health.go).
 */
function productOf(body: JsonObject): Product {
  const version = text(body["version"]);
  const isVault = version === "" || /^[01]\./.test(version) || body["enterprise"] !== undefined;
  return isVault ? "Vault" : "OpenBao";
}

function text(value: Json | undefined): string {
  return typeof value === "string" && /^[\w.+-]{0,40}$/.test(value) ? value : "";
}
