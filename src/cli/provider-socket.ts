import { connect } from "node:net";
import { ProviderError } from "../shared/errors.js";
import { raceAbort } from "../shared/join-signals.js";
import { quoted } from "../shared/quoted.js";

/** Where the driver looks for a provider's socket, and the names it takes (driver 1.6.0 main.go, provider_client.go). */
export function providerSocket(provider: string): string {
  if (!/^[a-zA-Z0-9_-]{1,30}$/.test(provider)) {
    const rule = "a provider's name has up to 30 letters, digits, _ and -";
    throw new ProviderError("invalid_request", `spec.provider ${quoted(provider)}: ${rule}`);
  }
  return `/var/run/secrets-store-csi-providers/${provider}.sock`;
}

/** Throws `unavailable` where nobody answers, at once: the driver would wait two minutes for it. */
export async function meetProvider(socketPath: string, signal: AbortSignal): Promise<void> {
  const socket = connect(socketPath);
  const met = new Promise<string | undefined>((resolve) => {
    socket.on("connect", () => resolve(undefined));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.name));
  });
  const fault = await raceAbort(met, signal).finally(() => socket.destroy());
  if (fault === undefined) return;
  const why =
    { ENOENT: "there is no socket", ECONNREFUSED: "nobody listens", EACCES: "it may not be opened" }[fault] ?? fault;
  throw new ProviderError(
    "unavailable",
    `no provider at ${socketPath}: ${why}; start one with keymount serve or keymount dev, or name its socket with --socket`,
  );
}
