import { goJson } from "../shared/go-json.js";
import { ProviderError } from "../shared/errors.js";
import type { JsonObject } from "../shared/json.js";
import { Redacted } from "../shared/redacted.js";
import { TextWriter } from "../shared/text-writer.js";
import type { ObjectSpec, Template, VaultRequest } from "./mount-spec.js";
import type { Job } from "./ports.js";
import { type AnswerTo, bodyIn, dataIn, metadataIn } from "./secret-value.js";

/** UTF-16 units of JSON. The worker's heap of 24 MiB holds that text, what is parsed of it, and what is made. */
const mostData = 4 << 20;

/**
 * What is to be rendered: the template, with the object's own secret and those of its sources, and their metadata, as its data. Throws
 * `limit_exceeded` where these are too long.
 */
export function templateJob({ request }: ObjectSpec, { text, own, sources }: Template, answerTo: AnswerTo): Job {
  const secretOf = (asked: VaultRequest): JsonObject => {
    const body = bodyIn(answerTo(asked), asked);
    return { data: dataIn(body, asked), meta: metadataIn(body) };
  };
  const named: JsonObject = Object.create(null) as JsonObject;
  for (const [name, source] of sources) named[name] = secretOf(source);
  const data = goJson({ own: own ? secretOf(request) : null, sources: named }, new TextWriter(mostData, tooLong));
  return { kind: "template", text, data: new Redacted(data) };
}

function tooLong(): ProviderError {
  return new ProviderError(
    "limit_exceeded",
    `the secrets of the template are longer than ${mostData >> 20} MiB as JSON; give it fewer sources, or smaller secrets`,
  );
}
