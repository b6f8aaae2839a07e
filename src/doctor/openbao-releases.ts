import type { NodeHealth } from "../vault/node-health.js";

type Node = Pick<NodeHealth, "product" | "version">;

/** Since 2.6.4 and 2.7.1 (CVE-2026-115356): that the service account token of a `kubernetes` login is still valid. */
export function verifiesLoginAtRenewal(node: Node): boolean {
  return isSince(node, "2.7.1") || (isSince(node, "2.6.4") && !isSince(node, "2.7.0"));
}

/** From 2.5.0, when standbys began to answer reads, to 2.6.1: what is asked about leases there is not forwarded. */
export function keepsLeasesAtStandby(node: Node & Pick<NodeHealth, "standing">): boolean {
  return /standby$/.test(node.standing) && isSince(node, "2.5.0") && !isSince(node, "2.6.2");
}

function isSince({ product, version }: Node, first: string): boolean {
  const [own, other] = [version, first].map((text) => text.split(/[.+-]/, 3).map(Number));
  if (product !== "OpenBao" || own!.length < 3 || own!.some(Number.isNaN)) return false;
  const at = own!.findIndex((part, index) => part !== other![index]);
  return at < 0 || own![at]! > other![at]!;
}
