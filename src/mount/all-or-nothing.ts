import { ProviderError } from "../shared/errors.js";
import { named } from "../shared/quoted.js";
import type { MadeObject, Outcome } from "./make-objects.js";
import type { ObjectSpec } from "./mount-spec.js";

/** Every object, or one error that names every failure, so that all can be fixed at once. */
export function allOrNothing(outcomes: readonly Outcome[]): MadeObject[] {
  const failures = outcomes.filter((one) => "error" in one);
  if (failures.length > 0) throw oneError(failures);
  return outcomes.flatMap((one) => ("made" in one ? [one.made] : []));
}

/** What will not cure itself gives the code. Objects that failed alike are named together. */
export function oneError(failures: readonly { object: ObjectSpec; error: ProviderError }[]): ProviderError {
  const lasting = failures.find(({ error }) => !passing.has(error.code)) ?? failures[0]!;
  const names = new Map<string, string[]>();
  for (const { object, error } of failures)
    names.set(error.message, [...(names.get(error.message) ?? []), object.objectName]);
  const message = [...names].map(([text, objects]) => `${objects.map(named).join(", ")}: ${text}`).join("; ");
  return new ProviderError(lasting.error.code, message, { cause: lasting.error });
}

const passing: ReadonlySet<string> = new Set(["unavailable", "deadline_exceeded", "cancelled"]);
