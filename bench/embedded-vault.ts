import { startDevVault } from "../dev/vault/dev-vault.js";

/** A process of its own: the embedded Vault with so many milliseconds before each answer, until its parent leaves. */
const vault = await startDevVault({ latencyMs: Number(process.argv[2]) });
process.once("disconnect", () => void vault.stop().then(() => process.exit()));
process.send!({ address: vault.address, token: vault.rootToken });
