import { Tokenizer, TypeGuards } from "liquidjs";
import { quoted } from "../shared/quoted.js";
import { engine } from "./template-engine.js";
import { TemplateMistake } from "./template-mistake.js";

/**
 * Throws for a template of Go's, as the Vault Agent's and those of External Secrets are. Liquid reads most of these as
 * variables that are not there, which an optional object may do without: its pods would start without the file.
 *
 * `{{ end }}` and `{{ else }}` are no sign: they follow an `{{ if … }}`, which is one, and alone they are keys of a secret.
 */
export function refuseGoTemplate(text: string): void {
  let commented = false;
  for (const token of new Tokenizer(text).readTopLevelTokens(engine.options)) {
    if (TypeGuards.isTagToken(token))
      commented = token.name === "comment" || (commented && token.name !== "endcomment");
    if (commented || !TypeGuards.isOutputToken(token) || !isOfGo(token.content)) continue;
    const [line = 1, column = 1] = token.getPosition();
    throw new TemplateMistake(
      "invalid_request",
      `${quoted(token.getText())}: this is a Go template; keymount's are Liquid: {{ password }}, {% if … %}, docs/migration.md#templates-side-by-side`,
      line,
      column,
    );
  }
}

/**
 * By shapes that are no Liquid, for a word alone may be a key: a field (`.Data`, but no `.5`), a variable, a comment, and a
 * word with an argument after it, where Liquid has an operator or a filter's bar.
 */
const shapes = [/^\.(?![.\d])/, /^\$/, /^\/\*/, /^\w+\s+(?:["'`$(\d]|\.(?!\.))/, /^(?:if|with|range)\s+[A-Za-z]/];

function isOfGo(content: string): boolean {
  // `(secret "a").Data` and `not .tls` begin where their first argument does.
  const expression = content.trim().replace(/^(?:\(\s*|not\s+)+/, "");
  return shapes.some((shape) => shape.test(expression));
}
