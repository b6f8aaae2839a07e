import { LiquidError, type Template as Part, UndefinedVariableError } from "liquidjs";
import { named, quoted } from "../shared/quoted.js";
import type { TemplateName } from "./tasks.js";
import { type TemplateMap, variablesOf } from "./template-data.js";
import { engine } from "./template-engine.js";
import { dottedKey } from "./dotted-key.js";
import { refuseGoTemplate } from "./go-template.js";
import { namesBeside } from "./missing-name.js";
import { FilterMistake, TemplateMistake } from "./template-mistake.js";

/**
 * The text that a template makes of `data` (see `TemplateTask`). Equal input gives equal text: there is no chance, no
 * clock and no time zone but UTC. Throws `TemplateMistake`.
 */
export function render(text: string, data: string): string {
  const variables = variablesOf(data);
  const parts = parse(text);
  try {
    return String(engine.renderSync(parts, variables));
  } catch (reason) {
    throw mistakeOf(reason, variables);
  }
}

/** Every variable that a template reads and does not make itself, with its first steps as far as they are written out. */
export function namesIn(text: string): TemplateName[] {
  const found = Object.values(engine.analyzeSync(parse(text), { partials: false }).globals).flat();
  return found.map(({ segments, location }) => ({
    steps: segments.slice(0, segments.findIndex((step) => typeof step !== "string") >>> 0) as string[],
    line: location.row,
    column: location.col,
  }));
}

function parse(text: string): Part[] {
  try {
    refuseGoTemplate(text);
    return engine.parse(text);
  } catch (reason) {
    throw mistakeOf(reason);
  }
}

/** Liquid's own texts may quote a value, so only those that are known not to are passed on. */
function mistakeOf(reason: unknown, variables?: TemplateMap): TemplateMistake {
  if (reason instanceof TemplateMistake) return reason;
  if (!(reason instanceof Error) || !LiquidError.is(reason)) {
    const message = reason instanceof RangeError ? "is nested too deep" : "cannot be rendered";
    return new TemplateMistake("invalid_request", message, 1, 1);
  }
  const [line, column] = positionOf(reason);
  const tell = (code: TemplateMistake["code"], message: string) => new TemplateMistake(code, message, line, column);
  const origin = reason.originalError;
  if (reason instanceof UndefinedVariableError && variables) {
    const written = reason.token.getText();
    const dotted = dottedKey(written, variables);
    const hint = dotted === undefined ? namesBeside(written, variables) : `; ${dotted}`;
    return tell("not_found", `there is no ${quoted(written)}${hint}`);
  }
  if (origin instanceof FilterMistake) return tell("invalid_request", origin.message);
  const text = (origin ?? reason).message;
  if (/limit exceeded/.test(text)) return tell("limit_exceeded", "takes too long, or too much memory");
  if (!variables) return tell("invalid_request", syntaxMistake(text, reason.token.getText()));
  return tell("invalid_request", `cannot be rendered; look at the filters in ${quoted(reason.token.getText())}`);
}

/** The text is the class author's own, no value is known yet. */
function syntaxMistake(text: string, source: string): string {
  const unknown = /^(undefined filter: |tag )"?([\w-]{1,64})"?/.exec(text);
  if (unknown?.[1] === "tag ") return `the tag ${named(unknown[2]!)} is not known here`;
  if (unknown) return `the filter ${named(unknown[2]!)} is not known`;
  if (/not closed/.test(text)) return `${quoted(source)} is not closed`;
  return `${quoted(source)} cannot be read`;
}

function positionOf(error: LiquidError): [line: number, column: number] {
  const [line = 1, column = 1] = error.token.getPosition();
  return [line, column];
}
