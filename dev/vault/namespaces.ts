import { randomUUID } from "node:crypto";
import { withoutOuterSlashes } from "../../src/shared/slashes.js";
import { type Answer, badRequest, type Data, missing, nothing, Refusal } from "./answer.js";
import { text } from "./fields.js";
import { letters } from "./identifiers.js";
import { MountTable } from "./mount-table.js";
import { PolicyBook } from "./policies.js";
import type { Product } from "./product.js";
import type { Routes } from "./routes.js";

/** Mounts, policies and tokens of their own below a path; the root is one too. */
export class Namespace {
  /** `""` is the root, `team/shop/` a child of `team/`. */
  readonly path: string;
  /** What tokens, accessors and leases of the namespace end with: `""` in the root, else `.` and six letters. */
  readonly suffix: string;
  readonly mounts = new MountTable();
  readonly policies: PolicyBook;
  readonly uuid = randomUUID();
  isSealed = false;
  isLocked = false;
  /** Opens its seal and its lock; empty where it has no seal of its own, so that it cannot be sealed. */
  readonly sealKey: string;

  constructor(path: string, product: Product, { sealable = false } = {}) {
    this.path = path;
    this.policies = new PolicyBook(product);
    this.suffix = path === "" ? "" : `.${letters(6)}`;
    this.sealKey = sealable ? randomUUID() : "";
  }
}

/** Vault's community edition has none, and the header has no effect. */
const servesNamespaces: Record<Product, boolean> = { vault: false, openbao: true };

const notFound = () => new Refusal(404, ["namespace not found"]);

/** The namespaces of a cluster, and which of them a request is for. */
export class Namespaces {
  readonly root: Namespace;
  readonly isServing: boolean;
  readonly #made = new Map<string, Namespace>();
  readonly #product: Product;
  readonly #furnish: (namespace: Namespace, all: Namespaces) => void;

  /** `furnish` mounts what each has from its start. */
  constructor(product: Product, furnish: (namespace: Namespace, all: Namespaces) => void) {
    this.isServing = servesNamespaces[product];
    this.#product = product;
    this.#furnish = furnish;
    this.root = this.#add(new Namespace("", product));
  }

  all(): Namespace[] {
    return [...this.#made.values()];
  }

  /** The namespace that header and path lead to, and the path within it. Throws what a closed or unknown one answers. */
  resolve(header: string, path: string): { namespace: Namespace; path: string } {
    if (!this.isServing) return { namespace: this.root, path };
    const named = canonical(header);
    const start = this.#visible(named === "root/" ? "" : named);
    if (!start) throw notFound();
    const full = `${start.path}${path}`;
    const namespace = this.all()
      .filter((each) => full.startsWith(each.path) && this.#visible(each.path))
      .reduce((longest, each) => (each.path.length > longest.path.length ? each : longest));
    const within = full.slice(namespace.path.length);
    this.#refuseIfClosed(namespace, within);
    return { namespace, path: within };
  }

  /** The paths below `sys/namespaces`, as a namespace has them for its children. */
  route(routes: Routes, parent: Namespace): void {
    const childAt = (name: string) => {
      const child = this.#visible(`${parent.path}${canonical(name)}`);
      if (!child) throw missing();
      return child;
    };
    const described = (name: string) => ({ data: describe(childAt(name)) });
    routes
      .on("namespaces", { list: () => this.#list(parent) })
      .on("namespaces/api-lock/lock/*name", { update: (_, name) => this.#lock(childAt(name)) })
      .on("namespaces/api-lock/unlock/*name", { update: (_, name) => this.#unlock(childAt(name)) })
      .on("namespaces/:name/seal", { update: (_, name) => this.#seal(childAt(name)) })
      .on("namespaces/:name/unseal", { update: ({ body }, name) => this.#unseal(childAt(name), text(body, "key")) })
      .on("namespaces/:name", {
        read: (_, name) => described(name),
        update: ({ body }, name) => this.#create(`${parent.path}${canonical(name)}`, body),
        delete: (_, name) => this.#delete(childAt(name)),
      });
  }

  #add(namespace: Namespace): Namespace {
    this.#furnish(namespace, this);
    this.#made.set(namespace.path, namespace);
    return namespace;
  }

  /** The namespace of this path, unless one that it lies in is sealed: OpenBao then forgets the children. */
  #visible(path: string): Namespace | undefined {
    const hidden = this.all().some((each) => each.isSealed && path !== each.path && path.startsWith(each.path));
    return hidden ? undefined : this.#made.get(path);
  }

  /** OpenBao's vault/request_handling.go: a lock holds for the children too, and unlocking is let through. */
  #refuseIfClosed({ path, isSealed }: Namespace, within: string): void {
    if (isSealed) throw new Refusal(503, ["namespace is sealed"]);
    const locking = this.all().find((each) => each.isLocked && path.startsWith(each.path));
    if (!locking || within === "sys/namespaces/api-lock/unlock") return;
    throw new Refusal(503, [
      `API access to this namespace has been locked by an administrator - "${locking.path}" must be unlocked to gain access.`,
    ]);
  }

  #list({ path }: Namespace): Answer {
    const children = this.all().filter(
      (each) => each.path !== path && each.path.startsWith(path) && isOneStep(each.path.slice(path.length)),
    );
    if (children.length === 0) throw missing();
    const named = children.map((each) => [each.path.slice(path.length), describe(each)] as const);
    return { data: { keys: named.map(([name]) => name).sort(), key_info: Object.fromEntries(named) } };
  }

  #create(path: string, body: Data): Answer {
    const known = this.#made.get(path);
    if (known) return { data: describe(known) };
    const made = this.#add(new Namespace(path, this.#product, { sealable: body["seals"] !== undefined }));
    return { data: { ...describe(made), key_shares: made.sealKey === "" ? {} : { default: [made.sealKey] } } };
  }

  #delete(namespace: Namespace): Answer {
    if (this.all().some(({ path }) => path !== namespace.path && path.startsWith(namespace.path))) {
      throw new Refusal(409, ["unable to delete namespace containing child namespaces"]);
    }
    this.#made.delete(namespace.path);
    return nothing;
  }

  #lock(namespace: Namespace): Answer {
    namespace.isLocked = true;
    return { data: { unlock_key: letters(24) } };
  }

  #unlock(namespace: Namespace): Answer {
    namespace.isLocked = false;
    return nothing;
  }

  #seal(namespace: Namespace): Answer {
    if (namespace.sealKey === "") throw badRequest("the embedded server seals only namespaces made with `seals`");
    namespace.isSealed = true;
    return nothing;
  }

  #unseal(namespace: Namespace, key: string): Answer {
    if (key !== namespace.sealKey) throw badRequest("the key does not fit the namespace's seal");
    namespace.isSealed = false;
    return nothing;
  }
}

function describe({ path, uuid, suffix, isLocked }: Namespace): Data {
  return { custom_metadata: null, id: suffix.slice(1), locked: isLocked, path, tainted: false, uuid };
}

/** As namespaces are kept: `team/`, whatever slashes were written. */
function canonical(path: string): string {
  const plain = withoutOuterSlashes(path);
  return plain === "" ? "" : `${plain}/`;
}

const isOneStep = (name: string) => name.indexOf("/") === name.length - 1;
