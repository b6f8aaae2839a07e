import type { Argument, CallExpression, Expression, IdentifierReference, Node } from "@oxc-project/types";
import { sourceFiles } from "./source-files.js";
import { visitSyntax } from "./syntax-tree.js";

/** Rooms whose errors reach the events of pods, or end a start; those of others are told where a command is started. */
const rooms = /^(vault|mount|kube|rpc|leases|render|driver|shared|daemon|state|http)\//;

/** A text that an error may have; `…` stands for what is put in. */
export interface ErrorText {
  file: string;
  text: string;
  /** What its maker is given as the code, or as the kind of a `VaultError`, where that is written out. */
  kind?: string;
}

/** Makers of errors in the code, and which of their arguments is the text; the first is the kind, unless it is that text. */
const makers: Readonly<Record<string, number>> = {
  ProviderError: 1,
  VaultError: 1,
  ShareFull: 1,
  KubeError: 2,
  TemplateMistake: 1,
  refusal: 2,
  engineDown: 0,
  unusable: 1,
};

/**
 * Every text with which such a room makes an error, by the syntax of the code, and what the causes of refused
 * logins mean (`means` of src/vault/auth); a choice gives both.
 */
export function errorTextsInRooms(): ErrorText[] {
  return sourceFiles()
    .filter(({ file }) => rooms.test(file))
    .flatMap(({ file, text }) => textsInFile(file, text));
}

function textsInFile(file: string, code: string): ErrorText[] {
  const texts: ErrorText[] = [];
  visitSyntax(code, (node, around) => {
    const add = (from: Argument, frame: (text: string) => Omit<ErrorText, "file">) => {
      for (const text of textsOf(from, around)) texts.push({ file, ...frame(text) });
    };
    if ((node.type === "NewExpression" || node.type === "CallExpression") && node.callee.type === "Identifier") {
      const at = Object.hasOwn(makers, node.callee.name) ? makers[node.callee.name]! : -1;
      const argument = node.arguments[at];
      const kind = at > 0 ? literalIn(node.arguments[0]) : undefined;
      if (argument) add(argument, (text) => ({ text, ...(kind !== undefined && { kind }) }));
    }
    if (continues(node)) add(node.arguments[0]!, (text) => ({ text: `…${text}` }));
    if (file.startsWith("vault/auth/") && node.type === "ArrowFunctionExpression") {
      if (isText(node.body)) add(node.body, (text) => ({ text }));
    }
  });
  return texts;
}

/** Of a `VaultError`, with more to its message. */
function continues(node: Node): node is CallExpression {
  if (node.type !== "CallExpression" || node.callee.type !== "MemberExpression") return false;
  const { property } = node.callee;
  return property.type === "Identifier" && property.name === "continued";
}

function isText(node: Node): node is Expression {
  return node.type === "TemplateLiteral" || literalIn(node) !== undefined;
}

function literalIn(node: Node | undefined): string | undefined {
  return node?.type === "Literal" && typeof node.value === "string" ? node.value : undefined;
}

function textsOf(node: Argument, around: readonly Node[]): string[] {
  const literal = literalIn(node);
  if (literal !== undefined) return [literal];
  switch (node.type) {
    case "ParenthesizedExpression":
      return textsOf(node.expression, around);
    case "ConditionalExpression":
      return [node.consequent, node.alternate].flatMap((one) => textsOf(one, around));
    case "TemplateLiteral":
      return [node.quasis.map(({ value }) => value.cooked).join("…")];
    case "BinaryExpression": {
      if (node.operator !== "+") return ["…"];
      const rights = textsOf(node.right, around);
      return textsOf(node.left, around).flatMap((left) => rights.map((right) => left + right));
    }
    case "Identifier": {
      const declared = declarationOf(node, around);
      return declared ? textsOf(declared, around) : ["…"];
    }
    default:
      return ["…"];
  }
}

/** What the constant of that name is, in the function around it. */
function declarationOf({ name }: IdentifierReference, around: readonly Node[]): Expression | undefined {
  for (const scope of around.toReversed()) {
    if (scope.type !== "BlockStatement" && scope.type !== "Program") continue;
    for (const statement of scope.body) {
      const declaration = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
      const constants = declaration?.type === "VariableDeclaration" ? declaration.declarations : [];
      const found = constants.find(({ id }) => id.type === "Identifier" && id.name === name);
      if (found) return found.init ?? undefined;
    }
  }
  return undefined;
}
