import { quoted } from "../shared/quoted.js";
import { isMap, type TemplateMap, type TemplateValue } from "./template-data.js";

/** A text of more is none that a person meant as a key. */
const mostSteps = 16;

/**
 * For `{{ tls.crt }}` where a secret has the key `tls.crt`: Liquid reads a dot as a step, so that a key with a dot stands in
 * brackets. `undefined` where no key is meant.
 */
export function dottedKey(written: string, variables: TemplateMap): string | undefined {
  const steps = written.split(".", mostSteps + 1);
  if (steps.length > mostSteps) return undefined;
  let within: TemplateValue | undefined = variables;
  for (let at = 0; isMap(within) && at < steps.length - 1; at += 1) {
    for (let end = steps.length; end > at + 1; end -= 1) {
      const key = steps.slice(at, end).join(".");
      if (Object.hasOwn(within, key)) return formOf(steps.slice(0, at), key, steps.slice(end));
    }
    within = Object.hasOwn(within, steps[at]!) ? within[steps[at]!] : undefined;
  }
  return undefined;
}

/** `data["tls.crt"]`, `db["spring.datasource"].url`. */
export function formOf(before: readonly string[], key: string, after: readonly string[] = []): string {
  const base = before.length === 0 ? "data" : before.join(".");
  return `a key with a dot is written ${[`${base}[${quoted(key)}]`, ...after].join(".")}`;
}
