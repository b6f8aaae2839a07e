import { afterAll, beforeAll, describe } from "vitest";
import { type Chapter, Trial } from "./chapter.js";
import { kvV1, kvV2 } from "./kv.js";
import { leases } from "./leases.js";
import { jwtLogin, kubernetesLogin } from "./logins.js";
import { pki } from "./pki.js";
import { requests, sealing, standby } from "./requests.js";
import type { Subject } from "./subject.js";
import { tokens } from "./tokens.js";
import { transit } from "./transit.js";

const onOneNode: readonly Chapter[] = [kvV1, kvV2, jwtLogin, kubernetesLogin, tokens, pki, transit, requests, sealing];

/** What a Vault on trial has beside itself, and so which further chapters it must pass. */
export interface Extras {
  readonly database?: boolean;
  readonly standby?: boolean;
}

/**
 * The promises of Vault 1.21.1 that keymount builds on: the same assertions for the embedded Vault and the real one,
 * down to the status and the body. Where the two differ, the embedded one is wrong.
 */
export function describeVaultContract(name: string, start: () => Promise<Subject>, extras: Extras = {}): void {
  describeTrial(name, start, [
    ...(extras.database ? [leases] : []),
    ...(extras.standby ? [standby] : []),
    ...onOneNode,
  ]);
}

/** Only what a standby does. */
export function describeStandbyContract(name: string, start: () => Promise<Subject>): void {
  describeTrial(name, start, [standby]);
}

function describeTrial(name: string, start: () => Promise<Subject>, chapters: readonly Chapter[]): void {
  describe(name, () => {
    let trial: Trial | undefined;
    beforeAll(async () => {
      trial = new Trial(await start());
    });
    afterAll(() => trial?.subject.stop());
    for (const chapter of chapters) chapter(() => trial!);
  });
}
