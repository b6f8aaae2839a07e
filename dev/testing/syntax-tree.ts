import type { Node } from "@oxc-project/types";
import { parseAst } from "rolldown/parseAst";

/** Calls `look` with each node of TypeScript code, and the nodes around it, innermost last. */
export function visitSyntax(code: string, look: (node: Node, around: readonly Node[]) => void): void {
  const around: Node[] = [];
  const visit = (node: Node) => {
    look(node, around);
    around.push(node);
    for (const child of Object.values(node) as unknown[]) for (const one of [child].flat()) if (isNode(one)) visit(one);
    around.pop();
  };
  visit(parseAst(code, { lang: "ts" }));
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Partial<Node>).type === "string";
}
