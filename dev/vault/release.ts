import type { Product } from "./product.js";

/** What one release of a product does that others do not. */
export interface Release {
  readonly version: string;
  readonly buildDate: string;
  /** A standby that reads for itself hands renewals and revocations of leases to its leader (openbao pull request 3766). */
  readonly standbyForwardsLeases: boolean;
  /** The token of a `kubernetes` login is renewed only while its service account token is valid (CVE-2026-115356). */
  readonly renewalReviewsLogin: boolean;
}

/** OpenBao's releases that can be played; the recorded one is 2.6.2. */
export type OpenBaoVersion = "2.6.1" | "2.6.2" | "2.6.4";

export function releaseOf(product: Product, version: OpenBaoVersion = "2.6.2"): Release {
  if (product === "vault") {
    const own = { version: "1.21.1", buildDate: "2025-11-18T13:04:32Z" };
    return { ...own, standbyForwardsLeases: true, renewalReviewsLogin: false };
  }
  return {
    version,
    buildDate: "",
    standbyForwardsLeases: version !== "2.6.1",
    renewalReviewsLogin: version === "2.6.4",
  };
}
