import { describeVaultContract } from "../testing/vault-contract/contract.js";
import type { VaultUnderTest } from "../testing/vault-contract/vault-under-test.js";
import { startDevVault } from "./dev-vault.js";
import type { Product } from "./product.js";

const extras = { database: true, standby: true };
describeVaultContract("the embedded Vault", () => startEmbedded("vault"), extras);
describeVaultContract("the embedded OpenBao", () => startEmbedded("openbao"), { ...extras, product: "openbao" });

async function startEmbedded(product: Product): Promise<VaultUnderTest> {
  const vault = await startDevVault({ product });
  const standby = await vault.startStandby();
  return {
    address: vault.address,
    rootToken: vault.rootToken,
    issuer: vault.kubernetes,
    kubernetesConfig: { kubernetes_host: "https://127.0.0.1:6443" },
    setApiServerDown: async (down) => void (vault.kubernetesIsDown = down),
    unsealKey: vault.unsealKey,
    database: {
      url: "host=/run/postgresql user=postgres dbname=postgres",
      users: async () => vault.databases.flatMap(({ users }) => users),
      setDown: async (down) => {
        for (const database of vault.databases) database.isDown = down;
      },
    },
    standbyAddress: standby.address,
    stop: () => vault.stop(),
  };
}
