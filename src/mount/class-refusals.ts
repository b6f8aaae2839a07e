import type { Connection } from "../config/connection.js";
import { policyRefusals, type Refusal } from "../config/policy.js";
import type { RulePod } from "../config/rule.js";
import { resolveAuth } from "./authenticate-pod.js";
import type { ClassSpec } from "./mount-spec.js";
import { requestsOfObjects } from "./object-requests.js";

/** Every reason why the connection's policy does not let a pod mount a class, or these `objects` of it. */
export function classRefusals(
  asked: ClassSpec,
  connection: Connection,
  pod: RulePod,
  objects = asked.objects,
): Refusal[] {
  return policyRefusals(connection, {
    pod,
    ...resolveAuth({ class: asked }, connection),
    audience: asked.audience,
    objects: requestsOfObjects(objects),
  });
}
