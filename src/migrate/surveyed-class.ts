import { readOrigin } from "../config/origin.js";
import { readClass } from "../mount/class-parameters.js";
import type { ClassSpec } from "../mount/mount-spec.js";

/** A class as it stands in the cluster, read as a Mount reads it. */
export interface SurveyedClass {
  namespace: string;
  name: string;
  spec: ClassSpec;
  /** Why no pod could mount it, whatever the operator says. */
  mistakes: readonly string[];
  /** What it says to no effect. */
  ignored: readonly string[];
  /** The Vault it names, as origins are compared; absent where it names none, or none that can be one. */
  origin?: string;
}

/** The operator's default is not known here, and only its being there matters. */
const anyInterval = 120_000;

export function surveyClass(
  identity: { namespace: string; name: string },
  parameters: ReadonlyMap<string, string>,
): SurveyedClass {
  const { spec, findings } = readClass(parameters, anyInterval);
  const of = (wanted: string) => findings.filter(({ level }) => level === wanted).map(({ text }) => text);
  const reading = spec.address === undefined ? undefined : readOrigin(spec.address);
  const origin = reading && "origin" in reading ? reading.origin : undefined;
  return { ...identity, spec, mistakes: of("error"), ignored: of("ignored"), ...(origin && { origin }) };
}
