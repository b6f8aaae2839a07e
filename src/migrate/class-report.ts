import type { OperatorConfig } from "../config/operator-config.js";
import { selectConnection } from "../config/select-connection.js";
import { resolveAuth } from "../mount/authenticate-pod.js";
import { classRefusals } from "../mount/class-refusals.js";
import { ProviderError } from "../shared/errors.js";
import { quoted } from "../shared/quoted.js";
import { differencesOf, notesOf } from "./differences.js";
import type { SourceProvider } from "./source-provider.js";
import type { AnalyzedClass } from "./analyzed-class.js";

export interface ClassReport {
  namespace: string;
  name: string;
  /** The connection it means, where it means one. */
  connection?: string;
  /** The best that can be said of it. */
  outcome: "same" | "different" | "refused";
  /** Why it would be refused, or what it does otherwise. */
  reasons: readonly string[];
  /** What it says to no effect, which changes nothing. */
  notes: readonly string[];
}

/** What would become of a class with this configuration, decided as a Mount decides it. */
export function reportOn(analyzed: AnalyzedClass, operator: OperatorConfig, source: SourceProvider): ClassReport {
  const { namespace, name, mistakes } = analyzed;
  try {
    const connection = selectConnection(operator, analyzed.spec, namespace);
    const identity = { namespace, name, connection: connection.name };
    const refusals = [...mistakes, ...refusedByOperator(analyzed, connection, source)];
    const notes = notesOf(analyzed, connection, source);
    if (refusals.length > 0) return { ...identity, outcome: "refused", reasons: refusals, notes };
    const reasons = differencesOf(analyzed, connection, source);
    return { ...identity, outcome: reasons.length > 0 ? "different" : "same", reasons, notes };
  } catch (reason) {
    if (!(reason instanceof ProviderError)) throw reason;
    return { namespace, name, outcome: "refused", reasons: [...mistakes, reason.message], notes: [] };
  }
}

type Connection = OperatorConfig["defaultConnection"];

function refusedByOperator(
  { namespace, spec }: AnalyzedClass,
  connection: Connection,
  source: SourceProvider,
): string[] {
  const { audiences, role } = resolveAuth({ class: spec }, connection);
  // No rule that is written names a service account, so any stands for all.
  const pod = { namespace, serviceAccount: "default" };
  // A mistake by itself, such as a missing role or path, is reported as that.
  const objects = spec.objects.filter(({ request }) => request.path !== "");
  const refusals = classRefusals(spec, connection, pod, objects);
  return [
    ...refusals
      .filter(({ setting }) => role !== "" || !setting.endsWith(".roles"))
      .map(({ what, setting }) =>
        what.includes("{{")
          ? `${what} is a template that is not rendered; render the chart first (helm template)`
          : `${what} is not allowed (${setting})`,
      ),
    ...tokenRefusals(audiences, source),
  ];
}

/** Only where the CSIDriver is known; otherwise the report lists what it must have. */
function tokenRefusals(audiences: readonly string[], { driverAudiences }: SourceProvider): string[] {
  if (!driverAudiences || audiences.some((audience) => driverAudiences.includes(audience))) return [];
  const names = audiences.map(quoted).join(" or ");
  return [
    `the CSIDriver's tokenRequests have no audience ${names}; the source provider asks the API server for such tokens`,
  ];
}
