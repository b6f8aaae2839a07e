import { ProviderError } from "../shared/errors.js";
import { named } from "../shared/quoted.js";

/** Every result, or one error that names every failure: nobody should have to fix one mistake per try. */
export async function allOrNothing<T>(attempts: readonly { name: string; result: Promise<T> }[]): Promise<T[]> {
  const settled = await Promise.allSettled(attempts.map(({ result }) => result));
  const failures = settled.flatMap((outcome, index) =>
    outcome.status === "rejected" ? [{ name: attempts[index]!.name, error: ProviderError.from(outcome.reason) }] : [],
  );
  if (failures.length > 0) throw oneError(failures);
  return settled.map((outcome) => (outcome as PromiseFulfilledResult<T>).value);
}

/** What will not cure itself gives the code. Objects that failed alike are named together. */
function oneError(failures: readonly { name: string; error: ProviderError }[]): ProviderError {
  const lasting = failures.find(({ error }) => !passing.has(error.code)) ?? failures[0]!;
  const names = new Map<string, string[]>();
  for (const { name, error } of failures) names.set(error.message, [...(names.get(error.message) ?? []), name]);
  const message = [...names].map(([text, objects]) => `${objects.map(named).join(", ")}: ${text}`).join("; ");
  return new ProviderError(lasting.error.code, message, { cause: lasting.error });
}

const passing: ReadonlySet<string> = new Set(["unavailable", "deadline_exceeded", "cancelled"]);
