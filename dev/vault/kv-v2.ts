import type { Clock } from "../../src/shared/clock.js";
import { type Answer, badRequest, type Data, manyErrors, missing, nothing, Refusal } from "./answer.js";
import type { Engine, EngineRequest } from "./engine.js";
import { flag, list, seconds, whole } from "./fields.js";
import { goTime } from "./go-time.js";
import { listBelow, scanBelow } from "./key-tree.js";
import { isRecord, mergePatch } from "./merge-patch.js";
import type { Product } from "./product.js";
import { Routes } from "./routes.js";

interface Version {
  readonly number: number;
  readonly data: Data;
  readonly created: number;
  readonly author: Data;
  deleted?: number | undefined;
  deletedBy?: Data | undefined;
  destroyed: boolean;
}

interface Secret {
  versions: Version[];
  current: number;
  oldest: number;
  readonly created: number;
  updated: number;
  lastUpdatedBy: Data;
  maxVersions: number;
  casRequired: boolean;
  customMetadata: Data | null;
}

/** Versions kept where neither the mount nor the secret says how many. */
const defaultMaxVersions = 10;

/** Secrets engine `kv`, version 2. */
export class KvV2 implements Engine {
  readonly type = "kv";
  readonly #clock: Clock;
  readonly #secrets = new Map<string, Secret>();
  readonly #config = { maxVersions: 0, casRequired: false };
  readonly #routes = new Routes()
    .on("config", { read: () => this.#readConfig(), update: ({ body }) => this.#writeConfig(body) })
    .on("data/*path", {
      read: (request, path) => this.#read(path, request),
      update: (request, path) => this.#write(path, request),
      patch: (request, path) => this.#patch(path, request),
      delete: (request, path) => this.#mark(path, [this.#find(path).current], request),
    })
    .on("delete/*path", { update: (request, path) => this.#mark(path, versionsOf(request.body), request) })
    .on("undelete/*path", { update: ({ body }, path) => this.#undelete(path, versionsOf(body)) })
    .on("destroy/*path", { update: ({ body }, path) => this.#destroy(path, versionsOf(body)) })
    .on("metadata", {
      list: () => listBelow(this.#secrets.keys(), ""),
      scan: () => scanBelow(this.#secrets.keys(), ""),
    })
    .on("metadata/*path", {
      list: (_, path) => listBelow(this.#secrets.keys(), path),
      scan: (_, path) => scanBelow(this.#secrets.keys(), path),
      read: (_, path) => ({ data: this.#describe(this.#find(path)) }),
      update: ({ body }, path) => this.#writeMetadata(path, body),
      patch: ({ body }, path) => (this.#secrets.has(path) ? this.#patchMetadata(path, body) : nothingThere),
      delete: (_, path) => (this.#secrets.delete(path), nothing),
    });

  readonly #product: Product;

  constructor(clock: Clock, product: Product) {
    this.#clock = clock;
    this.#product = product;
  }

  exists(path: string): boolean {
    return path.startsWith("data/") && this.#secrets.has(path.slice("data/".length));
  }

  handle(request: EngineRequest): Answer | Promise<Answer> {
    const { operation, path } = request;
    const isList = operation === "list" || operation === "scan";
    if (isList && path.startsWith("data/")) return listOfData[this.#product]();
    if (!isList && /^(data|metadata)$/.test(path)) return notHere(rootOfMount);
    if (!isList && path === "metadata/") throw missing();
    const known = isList ? /^metadata\/?/ : /^(config$|(data|delete|undelete|destroy|metadata)\/.)/;
    return known.test(path) ? this.#routes.handle(request) : notHere(invalidPath[operation]);
  }

  #find(path: string): Secret {
    const secret = this.#secrets.get(path);
    if (!secret) throw missing();
    return secret;
  }

  #read(path: string, { query, asOf = Infinity }: EngineRequest): Answer {
    const wanted = query.get("version");
    const number = wanted === null ? 0 : whole({ version: wanted }, "version");
    const secret = this.#find(path);
    const versions = secret.versions.filter(({ created }) => created <= asOf);
    const version = number === 0 ? versions.at(-1) : versions.find((each) => each.number === number);
    if (!version) throw missing();
    const metadata = this.#stamp(version, secret);
    return isReadable(version)
      ? { data: { data: version.data, metadata } }
      : { status: 404, data: { data: null, metadata } };
  }

  #stamp(version: Version, secret: Secret): Data {
    return {
      created_time: goTime(version.created),
      custom_metadata: secret.customMetadata,
      deletion_time: version.deleted === undefined ? "" : goTime(version.deleted),
      destroyed: version.destroyed,
      version: version.number,
    };
  }

  #write(path: string, request: EngineRequest): Answer {
    const { data, options } = contentOf(request.body);
    const known = this.#secrets.get(path);
    this.#checkAndSet(known, options);
    const secret = known ?? this.#plant(path, this.#clock.wall(), authorOf(request, "create"));
    return this.#addVersion(secret, data, authorOf(request, secret.current > 0 ? "update" : "create"));
  }

  #patch(path: string, request: EngineRequest): Answer {
    const { data, options } = contentOf(request.body, fieldValidation);
    const secret = this.#secrets.get(path);
    if (!secret) return nothingThere;
    this.#checkAndSet(secret, options);
    const version = secret.versions.find(({ number }) => number === secret.current);
    if (!version) return nothingThere;
    if (!isReadable(version)) return { status: 404, data: this.#stamp(version, secret) };
    return this.#addVersion(secret, mergePatch(version.data, data), authorOf(request, "patch"));
  }

  #addVersion(secret: Secret, data: Data, author: Data): Answer {
    secret.current += 1;
    const created = this.#clock.wall();
    const version = { number: secret.current, data, created, author, destroyed: false };
    secret.versions.push(version);
    secret.updated = created;
    secret.lastUpdatedBy = author;
    this.#prune(secret);
    return { data: this.#stamp(version, secret) };
  }

  #checkAndSet(known: Secret | undefined, options: Data): void {
    const required = this.#config.casRequired || known?.casRequired;
    if (options["cas"] === undefined) {
      if (required) throw badRequest("check-and-set parameter required for this call");
      return;
    }
    if (whole(options, "cas") !== (known?.current ?? 0)) {
      throw badRequest("check-and-set parameter did not match the current version");
    }
  }

  #plant(path: string, now: number, lastUpdatedBy: Data): Secret {
    const secret: Secret = {
      versions: [],
      current: 0,
      oldest: 0,
      created: now,
      updated: now,
      lastUpdatedBy,
      maxVersions: 0,
      casRequired: false,
      customMetadata: null,
    };
    this.#secrets.set(path, secret);
    return secret;
  }

  #prune(secret: Secret): void {
    const kept = secret.maxVersions || this.#config.maxVersions || defaultMaxVersions;
    secret.versions = secret.versions.slice(-kept);
    const first = secret.versions[0]?.number ?? 0;
    secret.oldest = first > 1 ? first : 0;
  }

  #mark(path: string, versions: readonly number[], request: EngineRequest): Answer {
    const by = authorOf(request, "delete");
    for (const version of this.#pick(path, versions)) {
      if (version.deleted !== undefined || version.destroyed) continue;
      version.deleted = this.#clock.wall();
      version.deletedBy = by;
    }
    return nothing;
  }

  #undelete(path: string, versions: readonly number[]): Answer {
    for (const version of this.#pick(path, versions)) if (!version.destroyed) version.deleted = undefined;
    return nothing;
  }

  #destroy(path: string, versions: readonly number[]): Answer {
    for (const version of this.#pick(path, versions)) version.destroyed = true;
    return nothing;
  }

  #pick(path: string, numbers: readonly number[]): Version[] {
    const versions = this.#secrets.get(path)?.versions ?? [];
    return versions.filter(({ number }) => numbers.includes(number));
  }

  #describe(secret: Secret): Data {
    return {
      cas_required: secret.casRequired,
      created_time: goTime(secret.created),
      current_version: secret.current,
      custom_metadata: secret.customMetadata,
      delete_version_after: "0s",
      last_updated_by: secret.lastUpdatedBy,
      max_versions: secret.maxVersions,
      oldest_version: secret.oldest,
      updated_time: goTime(secret.updated),
      versions: Object.fromEntries(
        secret.versions.map((version) => [
          version.number,
          {
            created_by: version.author,
            created_time: goTime(version.created),
            deleted_by: version.deleted === undefined ? null : (version.deletedBy ?? null),
            deletion_time: version.deleted === undefined ? "" : goTime(version.deleted),
            destroyed: version.destroyed,
          },
        ]),
      ),
    };
  }

  #writeMetadata(path: string, body: Data): Answer {
    refuseDeletionByAge(body);
    const known = this.#secrets.get(path);
    const secret = known ?? this.#plant(path, this.#clock.wall(), {});
    if (body["max_versions"] !== undefined) secret.maxVersions = whole(body, "max_versions");
    if (body["cas_required"] !== undefined) secret.casRequired = flag(body, "cas_required");
    if (body["custom_metadata"] !== undefined) secret.customMetadata = body["custom_metadata"] as Data | null;
    return nothing;
  }

  /** A field of `null` is what it was at first. */
  #patchMetadata(path: string, body: Data): Answer {
    const { maxVersions, casRequired, customMetadata } = this.#find(path);
    const now = { max_versions: maxVersions, cas_required: casRequired, custom_metadata: customMetadata };
    return this.#writeMetadata(path, { ...atFirst, ...mergePatch(now, body) });
  }

  #readConfig(): Answer {
    const { casRequired, maxVersions } = this.#config;
    return { data: { cas_required: casRequired, delete_version_after: "0s", max_versions: maxVersions } };
  }

  #writeConfig(body: Data): Answer {
    refuseDeletionByAge(body);
    if (body["max_versions"] !== undefined) this.#config.maxVersions = whole(body, "max_versions");
    if (body["cas_required"] !== undefined) this.#config.casRequired = flag(body, "cas_required");
    return nothing;
  }
}

function refuseDeletionByAge(body: Data): void {
  if (seconds(body, "delete_version_after") > 0) throw badRequest("the embedded Vault does not delete versions by age");
}

/** A LIST where the secrets are, instead of at their metadata. */
const listOfData: Record<Product, () => Answer> = {
  vault: () => notHere(invalidPath.list),
  openbao: () => {
    throw new Refusal(405, [manyErrors("unsupported operation")]);
  },
};

const isReadable = ({ deleted, destroyed }: Version) => deleted === undefined && !destroyed;

const fieldValidation = "Field validation failed: ";

/** The secret and the options of a write. A patch is `validated` before it arrives here, and says so. */
function contentOf(body: Data, validated = ""): { data: Data; options: Data } {
  if (body["data"] === undefined) throw badRequest("no data provided");
  const record = (name: string): Data => {
    const value = body[name] ?? {};
    if (isRecord(value)) return value;
    throw badRequest(`${validated}error converting input for field "${name}": '' expected a map, got 'string'`);
  };
  return { data: record("data"), options: record("options") };
}

function versionsOf(body: Data): number[] {
  const versions = list(body, "versions").map(Number);
  if (versions.length === 0) throw badRequest("no version number provided");
  return versions;
}

/** Who wrote, as Vault 1.21 notes with each version. */
function authorOf({ token }: EngineRequest, operation: string): Data {
  return { actor: token?.displayName ?? "", operation, client_id: token?.entityId || (token?.accessor ?? "") };
}

const atFirst = { max_versions: 0, cas_required: false, custom_metadata: null };

/** A patch of what is not there: without any body. */
const nothingThere: Answer = { status: 404, bare: { contentType: "application/json", body: "" } };

const rootOfMount = "Non-listing operations on the root of a K/V v2 mount are not supported.";

const command = (name: string) =>
  `Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use. If using the Vault CLI, use 'vault kv ${name}' for this operation.`;

const invalidPath = {
  read: command("get"),
  list: command("list"),
  scan: command("list"),
  update: command("put"),
  patch: command("patch"),
  delete: command("delete"),
} as const;

const notHere = (warning: string): Answer => ({ status: 404, data: null, warnings: [warning] });
