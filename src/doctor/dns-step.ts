import { raceAbort } from "../shared/join-signals.js";
import { Problem } from "./problems.js";
import type { CheckResult } from "./check-runner.js";
import type { Target } from "./target.js";

/** The addresses of a name, as this machine's resolver gives them; throws Node's errors. */
export type Lookup = (host: string) => Promise<readonly string[]>;

export async function checkDns(
  target: Target,
  lookup: Lookup,
  signal: AbortSignal,
): Promise<CheckResult<readonly string[]>> {
  if ("socketPath" in target) return { value: [], facts: ["a unix socket: no name to look up"] };
  const { host, named } = target;
  if (!named) return { value: [host], facts: ["an address: no name to look up"] };
  try {
    const addresses = await raceAbort(lookup(host), signal);
    return { value: addresses, facts: [`${host} is ${addresses.join(", ")}`] };
  } catch (reason) {
    signal.throwIfAborted();
    const code = (reason as NodeJS.ErrnoException).code ?? "no code";
    if (code === "ENOTFOUND" || code === "ENODATA") throw new Problem("dns.absent", `DNS knows no ${host}`);
    throw new Problem("dns.silent", `DNS does not say what ${host} is (${code})`);
  }
}
