import { namesThereAre } from "../shared/quoted.js";
import { nearest } from "../shared/spelling.js";
import { isMap, type TemplateMap } from "./template-data.js";

/** A text of more is none that a person meant as a name. */
const mostSteps = 16;

/** What there is in the place of a name that is not there: the names beside it, in the last map on the way to it. */
export function namesBeside(written: string, variables: TemplateMap): string {
  const steps = written.split(".", mostSteps);
  let within = variables;
  let at = 0;
  for (; at < steps.length - 1; at += 1) {
    const next = Object.hasOwn(within, steps[at]!) ? within[steps[at]!] : undefined;
    if (!isMap(next)) break;
    within = next;
  }
  const [missing = ""] = steps.slice(at);
  if (missing === "meta" && !Object.hasOwn(within, "meta"))
    return "; meta is what KV v2 says of a secret beside its data, and other answers, as those of KV v1, have none";
  const names = Object.keys(within);
  const place = steps.slice(0, at).join(".");
  const near = nearest(missing, names);
  const meant = near === undefined ? "" : `; did you mean ${[...steps.slice(0, at), near].join(".")}?`;
  return ` (${place === "" ? "" : `in ${place} `}there is: ${namesThereAre(names, "nothing")})${meant}`;
}
