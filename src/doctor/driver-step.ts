import { type CsiDriver, csiDriverIn, csiDriverName, readCsiDriver } from "../kube/csi-driver.js";
import type { Json } from "../shared/json.js";
import { quoted } from "../shared/quoted.js";
import { type Kube, readInCluster } from "./cluster-read.js";
import { Problem, Skipped } from "./problems.js";
import type { CheckResult } from "./check-runner.js";

export interface DriverCheck {
  /** As it was given; without it the API server is asked, where there is one. */
  given: Json | undefined;
  kube: Kube | undefined;
  /** Of each Mount to be made: the audiences of which it takes the first that the driver sends. */
  audiences: readonly (readonly string[])[];
  /** Those for which keymount itself may ask for a token. */
  fallbackAudiences: readonly string[];
}

/** What the kubelet and the driver are told about Mounts, by the CSIDriver object. */
export async function checkDriver(check: DriverCheck, signal: AbortSignal): Promise<CheckResult<CsiDriver>> {
  const driver = check.given === undefined ? await driverInCluster(check.kube, signal) : csiDriverIn(check.given);
  if (!driver) throw new Skipped(`what is given as CSIDriver ${csiDriverName} is none`);
  if (!driver.podInfoOnMount) throw new Problem("driver.pod-info", "podInfoOnMount is not true");
  if (!driver.volumeLifecycleModes.includes("Ephemeral")) {
    throw new Problem("driver.lifecycle", `volumeLifecycleModes has only ${driver.volumeLifecycleModes.join(", ")}`);
  }
  const sent = driver.tokenRequests.map(({ audience }) => audience);
  const without = check.audiences.filter((wanted) => !wanted.some((audience) => sent.includes(audience)));
  const unserved = without.find((wanted) => !wanted.some((audience) => check.fallbackAudiences.includes(audience)));
  if (unserved) throw noTokens(unserved, sent);
  const tokens = driver.tokenRequests.map(
    ({ audience, expirationSeconds }) => `${quoted(audience)} (${expirationSeconds} s)`,
  );
  return {
    value: driver,
    facts: [
      tokens.length === 0 ? "it sends no tokens" : `it sends tokens for ${tokens.join(", ")}`,
      ...(driver.requiresRepublish ? ["the kubelet calls again for each running pod"] : []),
      `fsGroupPolicy ${driver.fsGroupPolicy}`,
    ],
    warnings: [
      ...(driver.requiresRepublish ? [] : [noRepublish]),
      ...without.map((wanted) => `${listed(wanted)} is served only by tokenRequest.fallback`),
      ...driver.tokenRequests.filter(isTooShort).map(tooShort),
    ],
  };
}

const noRepublish =
  "requiresRepublish is not true: driver 1.6 and newer mounts once, so no file is renewed and no credential replaced";

/** The API server takes none shorter (apis/storage/validation); a manifest may still have it. */
const leastSeconds = 600;

function isTooShort({ expirationSeconds }: CsiDriver["tokenRequests"][number]): boolean {
  return expirationSeconds < leastSeconds;
}

function tooShort({ audience, expirationSeconds }: CsiDriver["tokenRequests"][number]): string {
  return `expirationSeconds ${expirationSeconds} for audience ${quoted(audience)} is less than the ${leastSeconds} that the API server takes`;
}

function noTokens(wanted: readonly string[], sent: readonly string[]): Problem {
  const has = sent.length === 0 ? "none" : sent.map(quoted).join(", ");
  return new Problem(
    "driver.token-requests",
    `tokenRequests has no audience ${listed(wanted)} (it has: ${has})`,
    `add to its spec: tokenRequests: [{audience: ${quoted(wanted[0] ?? "")}}]`,
  );
}

function listed(audiences: readonly string[]): string {
  return audiences.map(quoted).join(" or ");
}

function driverInCluster(kube: Kube | undefined, signal: AbortSignal): Promise<CsiDriver> {
  const instead = `give it beside the class: kubectl get csidriver ${csiDriverName} -o yaml`;
  return readInCluster(kube, (one) => readCsiDriver(one, signal), { absent: "driver.absent", instead }, signal);
}
