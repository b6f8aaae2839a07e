import { badRequest, type Data } from "./answer.js";
import { text } from "./fields.js";

/** What a role's program comes to: a token with policies, or why there is none. */
export type CelProgram = { readonly policies: readonly string[] } | { readonly blocked: string };

/** Reads a program that is a constant: `pb.Auth{policies: ["web"]}`, `false`, or a text. Nothing is computed. */
export function readCelProgram(program: Data): CelProgram {
  const expression = text(program, "expression").trim();
  if (expression === "false") return { blocked: "boolean false return" };
  const said = /^"([^"]*)"$/.exec(expression)?.[1];
  if (said !== undefined) return { blocked: `message: ${said}` };
  const policies = /^pb\.Auth\{policies: \[([^\]]*)\]\}$/.exec(expression)?.[1];
  if (policies === undefined) throw badRequest("the embedded server takes constants for CEL programs");
  return { policies: [...policies.matchAll(/"([^"]*)"/g)].map(([, name]) => name!) };
}
