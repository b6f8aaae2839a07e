import { goJson } from "../shared/go-json.js";
import type { JsonObject } from "../shared/json.js";
import { Redacted } from "../shared/redacted.js";
import type { AnswerTo } from "./make-files.js";
import type { ObjectSpec, Template, VaultRequest } from "./mount-spec.js";
import type { Job } from "./ports.js";
import { bodyIn, dataIn } from "./secret-value.js";

/** What is to be rendered: the template, with the object's own secret and those of its sources as its data. */
export function templateJob({ request }: ObjectSpec, { text, own, sources }: Template, answerTo: AnswerTo): Job {
  const dataOf = (asked: VaultRequest) => dataIn(bodyIn(answerTo(asked), asked), asked);
  const named: JsonObject = Object.create(null) as JsonObject;
  for (const [name, source] of sources) named[name] = dataOf(source);
  return { kind: "template", text, data: new Redacted(goJson({ own: own ? dataOf(request) : null, sources: named })) };
}
