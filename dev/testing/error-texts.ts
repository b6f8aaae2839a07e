import ts from "typescript";
import { sourceFiles } from "./source-files.js";

/** Rooms whose errors reach the events of pods; those of others are told where the command or `serve` is started. */
const rooms = /^(vault|mount|kube|rpc|leases|render|driver|shared|daemon)\//;

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
  KubeError: 2,
  refusal: 2,
  engineDown: 0,
};

/**
 * Every text with which a room that pods hear of makes an error, by the syntax of the code, and what the causes of refused
 * logins mean (`means` of src/vault/auth); a choice gives both.
 */
export function errorTextsInRooms(): ErrorText[] {
  return sourceFiles()
    .filter(({ file }) => rooms.test(file))
    .flatMap(({ file, text }) => textsInFile(file, text));
}

function textsInFile(file: string, code: string): ErrorText[] {
  const source = ts.createSourceFile(file, code, ts.ScriptTarget.Latest, true);
  const texts: ErrorText[] = [];
  const visit = (node: ts.Node): void => {
    if ((ts.isNewExpression(node) || ts.isCallExpression(node)) && ts.isIdentifier(node.expression)) {
      const at = Object.hasOwn(makers, node.expression.text) ? makers[node.expression.text]! : -1;
      const argument = node.arguments?.[at];
      const first = node.arguments?.[0];
      const kind = first && at > 0 && ts.isStringLiteralLike(first) ? { kind: first.text } : {};
      if (argument) texts.push(...textsOf(argument).map((text) => ({ file, text, ...kind })));
    }
    if (continues(node)) texts.push(...textsOf(node.arguments[0]!).map((text) => ({ file, text: `…${text}` })));
    const meaning = file.startsWith("vault/auth/") && ts.isArrowFunction(node) ? node.body : undefined;
    if (meaning && (ts.isTemplateExpression(meaning) || ts.isStringLiteralLike(meaning))) {
      texts.push(...textsOf(meaning).map((text) => ({ file, text })));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return texts;
}

/** Of a `VaultError`, with more to its message. */
function continues(node: ts.Node): node is ts.CallExpression {
  return (
    ts.isCallExpression(node) &&
    ts.isPropertyAccessExpression(node.expression) &&
    node.expression.name.text === "continued"
  );
}

function textsOf(node: ts.Expression): string[] {
  if (ts.isStringLiteralLike(node)) return [node.text];
  if (ts.isParenthesizedExpression(node)) return textsOf(node.expression);
  if (ts.isConditionalExpression(node)) return [...textsOf(node.whenTrue), ...textsOf(node.whenFalse)];
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) {
    return textsOf(node.left).flatMap((left) => textsOf(node.right).map((right) => left + right));
  }
  if (ts.isTemplateExpression(node)) {
    return [node.head.text + node.templateSpans.map(({ literal }) => `…${literal.text}`).join("")];
  }
  const declared = ts.isIdentifier(node) ? declarationOf(node) : undefined;
  return declared ? textsOf(declared) : ["…"];
}

/** What the constant of that name is, in the function around it. */
function declarationOf(name: ts.Identifier): ts.Expression | undefined {
  for (let scope: ts.Node = name.parent; scope; scope = scope.parent) {
    if (!ts.isBlock(scope) && !ts.isSourceFile(scope)) continue;
    for (const statement of scope.statements) {
      const constants = ts.isVariableStatement(statement) ? statement.declarationList.declarations : [];
      const found = constants.find((one) => ts.isIdentifier(one.name) && one.name.text === name.text);
      if (found) return found.initializer;
    }
  }
  return undefined;
}
