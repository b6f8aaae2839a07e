import { connectError } from "../shared/connect-error.js";
import { ProviderError } from "../shared/errors.js";
import { quoted } from "../shared/quoted.js";

/** Where the driver looks for a provider's socket, and the names it takes (driver 1.6.0 main.go, provider_client.go). */
export function providerSocket(provider: string): string {
  if (!/^[a-zA-Z0-9_-]{1,30}$/.test(provider)) {
    const rule = "a provider's name has up to 30 letters, digits, _ and -";
    throw new ProviderError("invalid_request", `spec.provider ${quoted(provider)}: ${rule}`);
  }
  return `/var/run/secrets-store-csi-providers/${provider}.sock`;
}

/** Throws `unavailable` at once where nothing listens: the driver would wait two minutes. */
export async function checkProviderSocket(socketPath: string, signal: AbortSignal): Promise<void> {
  const error = await connectError({ path: socketPath }, signal);
  if (!error) return;
  const fault = error.code ?? error.name;
  const why =
    { ENOENT: "there is no socket", ECONNREFUSED: "nothing listens", EACCES: "it may not be opened" }[fault] ?? fault;
  throw new ProviderError(
    "unavailable",
    `no provider at ${socketPath}: ${why}; start one with keymount serve or keymount dev, or name its socket with --socket`,
  );
}
