import type { ServiceAccountIssuer } from "../dev/vault/service-account-issuer.js";
import type { Provider, ProviderOptions } from "./provider.js";
import type { BenchVault } from "./vault.js";
import { Load } from "./workload.js";

/** What every measurement needs. */
export interface Bench {
  /** A fresh provider in front of a Vault. */
  start(vault: BenchVault, options?: ProviderOptions): Promise<Provider>;
  /** Smaller samples, for a look. */
  quick: boolean;
  issuer: ServiceAccountIssuer;
}

/** A fresh provider and its driver for one measurement. */
export async function withProvider<T>(
  bench: Bench,
  vault: BenchVault,
  measure: (provider: Provider, load: Load) => Promise<T>,
  options: ProviderOptions = {},
): Promise<T> {
  const provider = await bench.start(vault, options);
  const load = new Load(provider.socketPath);
  try {
    return await measure(provider, load);
  } finally {
    load.close();
    await provider.stop();
  }
}
