import { credentials } from "@grpc/grpc-js";
import { ProviderError } from "../shared/errors.js";
import { CSIDriverProviderClient, type VersionResponse } from "../wire/provider.js";

/** Asks the provider behind a socket for its version, as the driver's health check does. Throws `unavailable`. */
export async function callVersion(socketPath: string, signal: AbortSignal): Promise<VersionResponse> {
  signal.throwIfAborted();
  const client = new CSIDriverProviderClient(`unix:${socketPath}`, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_retries": 0,
  });
  let cancel = () => {};
  try {
    return await new Promise<VersionResponse>((resolve, reject) => {
      const call = client.version({ version: "v1alpha1" }, (error, response) =>
        error
          ? reject(new ProviderError("unavailable", `no provider answers at ${socketPath}`, { cause: error }))
          : resolve(response),
      );
      cancel = () => call.cancel();
      signal.addEventListener("abort", cancel, { once: true });
    });
  } finally {
    signal.removeEventListener("abort", cancel);
    client.close();
  }
}
