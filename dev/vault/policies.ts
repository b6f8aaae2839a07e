import { badRequest, manyErrors, Refusal } from "./answer.js";
import type { Product } from "./product.js";
import type { Token } from "./token-store.js";

export type Capability = "create" | "read" | "update" | "delete" | "list" | "scan" | "sudo" | "deny" | "patch" | "root";

const common = ["create", "read", "update", "delete", "list", "sudo", "deny", "patch"];

/** What each product knows: OpenBao's `scan` is a LIST of all that lies below. */
const capabilities: Record<Product, readonly string[]> = { vault: common, openbao: [...common, "scan"] };

/** Whose policies are asked, and what their templates are filled with. */
type Holder = Pick<Token, "policies" | "alias" | "entityId">;

/**
 * What a template's value may not hold. OpenBao refuses all that such a token asks (its internal/vault/policy/policy.go and
 * request_handling.go: `failed to construct ACL`).
 */
const refusedInValues: Record<Product, RegExp> = { vault: /(?!)/, openbao: /[/*+]/ };

interface Rule {
  readonly path: string;
  readonly covers: RegExp;
  readonly capabilities: readonly Capability[];
}

/** Reads a policy as the product takes it: HCL `path "…" { capabilities = [ … ] }`, or the same as JSON. Throws `Refusal`. */
export function parsePolicy(source: string, product: Product): Rule[] {
  const rules = source.trimStart().startsWith("{") ? fromJson(source) : fromHcl(source);
  for (const rule of rules) {
    const odd = rule.capabilities.find((name) => !capabilities[product].includes(name));
    if (odd) throw badRequest(`failed to parse policy: path "${rule.path}": invalid capability "${odd}"`);
  }
  return rules;
}

function fromHcl(source: string): Rule[] {
  const plain = source.replace(
    /("(?:[^"\\]|\\[\s\S])*(?:"|$))|#.*|\/\/.*|\/\*[\s\S]*?(?:\*\/|$)/g,
    (_, quoted?: string) => quoted ?? " ",
  );
  const block = /\s*path\s+"([^"]*)"\s*\{([^{}]*)\}/y;
  const rules: Rule[] = [];
  let end = 0;
  for (let found = block.exec(plain); found; found = block.exec(plain)) {
    const listed = /capabilities\s*=\s*\[([^\]]*)\]/.exec(found[2]!)?.[1] ?? "";
    const names = [...listed.matchAll(/"([^"]*)"/g)].map((match) => match[1] as Capability);
    rules.push(ruleOf(found[1]!, names));
    end = block.lastIndex;
  }
  if (plain.slice(end).trim() !== "")
    throw badRequest("failed to parse policy: object expected closing RBRACE got: EOF");
  return rules;
}

function fromJson(source: string): Rule[] {
  const { path } = JSON.parse(source) as { path: Record<string, { capabilities: Capability[] }> };
  return Object.entries(path).map(([name, rule]) => ruleOf(name, rule.capabilities));
}

export class PolicyBook {
  readonly #sources = new Map<string, string>([["default", defaultPolicy]]);
  readonly #rules: Map<string, Rule[]>;
  readonly #product: Product;

  constructor(product: Product) {
    this.#product = product;
    this.#rules = new Map([["default", parsePolicy(defaultPolicy, product)]]);
  }

  write(name: string, source: string): void {
    this.#rules.set(name, parsePolicy(source, this.#product));
    this.#sources.set(name, source);
  }

  remove(name: string): void {
    this.#rules.delete(name);
    this.#sources.delete(name);
  }

  source(name: string): string | undefined {
    return this.#sources.get(name);
  }

  names(): string[] {
    return [...this.#sources.keys(), "root"].sort();
  }

  /** What the policies together allow on a path. The most specific path decides; within it, everyone's grants add up. */
  capabilities(holder: Holder, path: string): Capability[] {
    if (holder.policies.includes("root")) return ["root"];
    const rules = this.#rulesOf(holder).filter((rule) => rule.covers.test(path));
    const [best] = rules.map((rule) => rule.path).sort(moreSpecific);
    const granted = rules.filter((rule) => rule.path === best).flatMap((rule) => rule.capabilities);
    if (granted.length === 0 || granted.includes("deny")) return ["deny"];
    return [...new Set(granted)].sort();
  }

  /** Whether they allow anything on a mount or below it, as Vault 1.21.1 finds out for `sys/internal/ui/mounts`. */
  reaches(holder: Holder, mount: string): boolean {
    const allowed = [mount, mount.slice(0, -1)].some((path) => this.capabilities(holder, path)[0] !== "deny");
    if (allowed) return true;
    const below = this.#rulesOf(holder).filter((rule) => isBelow(rule, mount));
    const denied = new Set(below.filter((rule) => rule.capabilities.includes("deny")).map(({ path }) => path));
    return below.some(({ path, capabilities }) => capabilities.length > 0 && !denied.has(path));
  }

  allows(holder: Holder, path: string, capability: Capability): boolean {
    return holder.policies.includes("root") || this.capabilities(holder, path).includes(capability);
  }

  /** Those whose templates have no value for the holder say nothing. */
  #rulesOf(holder: Holder): Rule[] {
    return holder.policies
      .flatMap((name) => this.#rules.get(name) ?? [])
      .flatMap((rule) => (rule.path.includes("{{") ? this.#filled(rule, holder) : rule));
  }

  #filled({ path, capabilities }: Rule, holder: Holder): Rule[] {
    const [start = "", ...pieces] = path.split("{{");
    let filled = start;
    for (const [template = "", rest = ""] of pieces.map((piece) => piece.split("}}"))) {
      const value = valueOf(template.trim(), holder);
      if (value === undefined) return [];
      if (refusedInValues[this.#product].test(value)) throw new Refusal(500, [manyErrors("internal error")]);
      filled += value + rest;
    }
    return [ruleOf(filled, capabilities)];
  }
}

/** What a template stands for: of an entity only its id, and its alias at the mount that the token comes from. */
function valueOf(template: string, { alias, entityId }: Holder): string | undefined {
  if (template === "identity.entity.id") return entityId || undefined;
  const own = alias && `identity.entity.aliases.${alias.accessor}.`;
  if (!own || !template.startsWith(own)) return undefined;
  const field = template.slice(own.length);
  return field === "name" ? alias.name : alias.metadata[field.replace(/^metadata\./, "")];
}

/** Whether the rule can cover something below a folder whose name ends with a slash. */
function isBelow({ path }: Rule, folder: string): boolean {
  const names = folder.split("/").slice(0, -1);
  const wanted = path.replace(/\*$/, "").split("/");
  return wanted.length > names.length && names.every((name, at) => wanted[at] === "+" || wanted[at] === name);
}

/** `*` at the end stands for anything, `+` for one segment. */
function ruleOf(path: string, granted: readonly Capability[]): Rule {
  const open = path.endsWith("*");
  const fixed = (open ? path.slice(0, -1) : path)
    .split("/")
    .map((segment) => (segment === "+" ? "[^/]+" : segment.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")))
    .join("/");
  return { path, covers: new RegExp(`^${fixed}${open ? "" : "$"}`), capabilities: granted };
}

/** Vault 1.21.1 vault/acl.go: no wildcard, then the later first wildcard, then no glob, fewer `+`, longer, greater. */
function moreSpecific(a: string, b: string): number {
  const wildcard = (path: string) => {
    const at = path.search(/\+|\*$/);
    return at < 0 ? Infinity : at;
  };
  const plusses = (path: string) => path.split("/").filter((segment) => segment === "+").length;
  const first = wildcard(b) === wildcard(a) ? 0 : wildcard(b) - wildcard(a);
  return (
    first ||
    Number(a.endsWith("*")) - Number(b.endsWith("*")) ||
    plusses(a) - plusses(b) ||
    b.length - a.length ||
    (a < b ? 1 : -1)
  );
}

/** The part of Vault's own default policy that this Vault has paths for. */
const defaultPolicy = `
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
path "sys/capabilities-self" { capabilities = ["update"] }
path "sys/renew" { capabilities = ["update"] }
path "sys/leases/renew" { capabilities = ["update"] }
path "sys/leases/lookup" { capabilities = ["update"] }
path "sys/wrapping/wrap" { capabilities = ["update"] }
path "sys/wrapping/lookup" { capabilities = ["update"] }
path "sys/wrapping/unwrap" { capabilities = ["update"] }
`;
