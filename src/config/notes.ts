import type { Flags } from "./flags.js";
import type { Options } from "./options.js";
import { ignoredVariables, olderFlags } from "./settings.js";

/** What is worth a line in the log at start. A value of a variable is never in it. */
export function notesOnFlags({ given }: Flags): string[] {
  return Object.entries(olderFlags)
    .filter(([name]) => given.has(name))
    .map(([name, { note }]) => `--${name} ${note}`);
}

export function notesOnEnvironment(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(ignoredVariables)
    .filter(([name]) => env[name])
    .map(([name, note]) => `${name} ${note}`);
}

export function notesOnOptions({ operator, driverPollIntervalMs }: Omit<Options, "notes">): string[] {
  const onConnections = operator.connections.flatMap(({ name, addresses, tls }) => {
    const plain = addresses.find(({ origin }) => origin.startsWith("http://") && !isLoopback(origin));
    return [
      ...(plain ? [`connection ${name} sends tokens and secrets unencrypted to ${plain.origin}`] : []),
      ...(tls.skipVerify ? [`connection ${name} takes any certificate for Vault's (tls.skipVerify)`] : []),
    ];
  });
  return driverPollIntervalMs > longestSafePollMs ? [...onConnections, riskyPollInterval] : onConnections;
}

/** The driver waits this long for a provider that does not answer; then its next try must not be one that it skips. */
const longestSafePollMs = 120_000;

const riskyPollInterval =
  "driverPollInterval is longer than two minutes: driver 1.6 may start a pod with an empty volume after a provider was away " +
  "(docs/operations.md); set the driver's --rotation-poll-interval to 2m or less";

function isLoopback(origin: string): boolean {
  return /^http:\/\/(127\.|localhost([:/]|$)|\[::1\])/.test(origin);
}
