import { holdsInOrder } from "./star-pattern.js";

/** Whose values a rule's placeholders stand for. */
export interface RulePod {
  namespace: string;
  serviceAccount: string;
}

const placeholder = /\{\{([^{}]*)\}\}/g;
const placeholders = ["namespace", "serviceAccount"] as const;

/** What is wrong with a rule, or `undefined`. */
export function mistakeInRule(rule: string): string | undefined {
  const unknown = [...rule.matchAll(placeholder)].find(([, name]) => !isPlaceholder(name!.trim()));
  if (unknown) return `has a placeholder that is not known; there are {{${placeholders.join("}} and {{")}}}`;
  if (/\{\{|\}\}/.test(rule.replace(placeholder, ""))) return "has {{ without }}, or }} without {{";
  if (/\p{Cc}/u.test(rule)) return "holds a control character";
  return undefined;
}

/**
 * Whether a rule matches the whole of a value: `*` is any run of characters, slashes and none at all included, and
 * everything else is itself, also within what a placeholder stands for. Takes time linear in the value for each `*`.
 */
export function ruleMatches(rule: string, value: string, pod: RulePod): boolean {
  if (rule === "*") return true;
  const texts = rule.split("*").map((text) => filled(text, pod));
  return !texts.includes(undefined) && holdsInOrder(value, texts as string[]);
}

/** `undefined` where a placeholder stands for nothing, or for more than one step of a path. */
function filled(text: string, pod: RulePod): string | undefined {
  let good = true;
  const result = text.replace(placeholder, (_, written: string) => {
    const name = written.trim();
    const value = isPlaceholder(name) ? pod[name] : "";
    if (value === "" || value.includes("/")) good = false;
    return value;
  });
  return good ? result : undefined;
}

function isPlaceholder(name: string): name is (typeof placeholders)[number] {
  return (placeholders as readonly string[]).includes(name);
}
