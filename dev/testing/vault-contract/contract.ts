import { afterAll, beforeAll, describe } from "vitest";
import { type Suite, ContractContext } from "./suite.js";
import type { Product } from "../../vault/product.js";
import { differences, differencesOfLeases, differencesOfStandbys } from "./differences.js";
import { expectedOf } from "./expected.js";
import { kvV1, kvV2 } from "./kv.js";
import { leases } from "./leases.js";
import { jwtLogin, kubernetesLogin } from "./logins.js";
import { mounts } from "./mounts.js";
import { pki } from "./pki.js";
import { requests, sealing, standby } from "./requests.js";
import { ssh } from "./ssh.js";
import type { VaultUnderTest } from "./vault-under-test.js";
import { tokens } from "./tokens.js";
import { transit } from "./transit.js";

const onOneNode: readonly Suite[] = [
  kvV1,
  kvV2,
  jwtLogin,
  kubernetesLogin,
  tokens,
  pki,
  ssh,
  transit,
  mounts,
  requests,
  sealing,
];

/** Which product is under test, what it has beside itself, and so which further suites it must pass. */
export interface Extras {
  /** Vault unless said. */
  readonly product?: Product;
  readonly database?: boolean;
  readonly standby?: boolean;
}

/**
 * The promises of Vault 1.21.1, and of OpenBao 2.6.2, that keymount builds on: the same assertions for the embedded server
 * and the real one, down to the status and the body. Where the two differ, the embedded one is wrong.
 */
export function describeVaultContract(name: string, start: () => Promise<VaultUnderTest>, extras: Extras = {}): void {
  const suites = [
    ...(extras.database ? [leases, differencesOfLeases] : []),
    ...(extras.standby ? [standby, differencesOfStandbys] : []),
    differences,
    ...onOneNode,
  ];
  describeContext(name, start, suites, extras.product);
}

/** Only what a standby does. */
export function describeStandbyContract(name: string, start: () => Promise<VaultUnderTest>): void {
  describeContext(name, start, [standby, differencesOfStandbys]);
}

function describeContext(
  name: string,
  start: () => Promise<VaultUnderTest>,
  suites: readonly Suite[],
  product: Product = "vault",
): void {
  const expected = expectedOf(product);
  describe(name, () => {
    let context: ContractContext | undefined;
    beforeAll(async () => {
      context = new ContractContext(await start());
    });
    afterAll(() => context?.underTest.stop());
    for (const suite of suites) suite(() => context!, expected);
  });
}
