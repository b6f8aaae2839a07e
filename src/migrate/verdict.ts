import type { OperatorConfig } from "../config/operator-config.js";
import { policyRefusals, refusedByPolicy } from "../config/policy.js";
import { selectConnection } from "../config/select-connection.js";
import { askedOf } from "../mount/visitor.js";
import { ProviderError } from "../shared/errors.js";
import type { SurveyedClass } from "./surveyed-class.js";

export interface Verdict {
  namespace: string;
  name: string;
  /** The best that can be said of it. */
  outcome: "same" | "different" | "refused";
  /** Why it would be refused, or what it does otherwise. */
  reasons: readonly string[];
}

/** What would become of a class with this configuration, decided as a Mount decides it. */
export function verdictOn(surveyed: SurveyedClass, operator: OperatorConfig, provider: string): Verdict {
  const { namespace, name } = surveyed;
  const refusals = [...surveyed.mistakes, ...refusedByOperator(surveyed, operator)];
  if (refusals.length > 0) return { namespace, name, outcome: "refused", reasons: refusals };
  const reasons = differences(surveyed, provider);
  return { namespace, name, outcome: reasons.length > 0 ? "different" : "same", reasons };
}

function refusedByOperator({ namespace, spec }: SurveyedClass, operator: OperatorConfig): string[] {
  try {
    const connection = selectConnection(operator, spec, namespace);
    const { vaultNamespace, authMount, role } = askedOf({ class: spec }, connection);
    const { audience, objects } = spec;
    // No rule that is written names a service account, so any stands for all.
    const pod = { namespace, serviceAccount: "default" };
    const refused = refusedByPolicy(
      policyRefusals(connection, { pod, vaultNamespace, authMount, role, audience, objects }),
    );
    return refused ? [refused.message] : [];
  } catch (error) {
    return [ProviderError.from(error).message];
  }
}

function differences({ spec, ignored }: SurveyedClass, provider: string): string[] {
  const whole = spec.objects.filter(({ secretKey }) => secretKey === undefined).map(({ objectName }) => objectName);
  return [
    ...spec.overruled.map((name) => `${name} has no effect: the operator's connection decides about TLS`),
    ...whole.map((name) => `${name}: a file without secretKey no longer holds request_id and the lease's fields`),
    ...(spec.audience !== undefined && spec.audience !== provider
      ? [`audience ${spec.audience}: the CSIDriver object must list it in tokenRequests`]
      : []),
    ...ignored.map((text) => `${text} (it never had an effect)`),
  ];
}
