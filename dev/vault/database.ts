import type { Clock } from "../../src/shared/clock.js";
import { type Answer, badRequest, type Data, manyErrors, missing, nothing, Refusal } from "./answer.js";
import type { Engine, EngineRequest } from "./engine.js";
import { flag, list, seconds, text } from "./fields.js";
import { goTime, toSeconds } from "./go-time.js";
import { letters } from "./identifiers.js";
import { listBelow } from "./key-tree.js";
import type { LeaseStore } from "./lease-store.js";
import { Routes } from "./routes.js";
import { systemTtl } from "./time-to-live.js";

interface Connection {
  readonly plugin: string;
  readonly url: string;
  readonly allowedRoles: readonly string[];
  readonly verified: boolean;
}

interface Role {
  readonly database: string;
  readonly creation: readonly string[];
  readonly ttl: number;
  readonly maxTtl: number;
}

interface StaticRole {
  readonly database: string;
  readonly username: string;
  readonly period: number;
  password: string;
  rotatedAt: number;
}

/** Secrets engine `database` over a database that is only imagined: a list of users. */
export class Database implements Engine {
  readonly type = "database";
  /** While true, the database cannot be reached. */
  isDown = false;
  readonly #clock: Clock;
  readonly #leases: LeaseStore;
  readonly #users = new Map<string, string>();
  readonly #connections = new Map<string, Connection>();
  readonly #roles = new Map<string, Role>();
  readonly #staticRoles = new Map<string, StaticRole>();
  readonly #routes = new Routes()
    .on("config", { list: () => listBelow(this.#connections.keys(), "") })
    .on("config/:name", {
      read: (_, name) => ({ data: describeConnection(this.#connections.get(name)) }),
      update: ({ body }, name) => this.#connect(name, body),
      delete: (_, name) => (this.#connections.delete(name), nothing),
    })
    .on("roles", { list: () => listBelow(this.#roles.keys(), "") })
    .on("roles/:name", {
      read: (_, name) => ({ data: describeRole(this.#roles.get(name)) }),
      update: ({ body }, name) => (this.#roles.set(name, readRole(body)), nothing),
      delete: (_, name) => (this.#roles.delete(name), nothing),
    })
    .on("static-roles", { list: () => listBelow(this.#staticRoles.keys(), "") })
    .on("static-roles/:name", {
      update: ({ body }, name) => this.#writeStaticRole(name, body),
      delete: (_, name) => (this.#staticRoles.delete(name), nothing),
    })
    .on("creds/:name", { read: (request, name) => this.#makeUser(name, request) })
    .on("static-creds/:name", { read: (_, name) => this.#staticUser(name) });

  constructor(clock: Clock, leases: LeaseStore) {
    this.#clock = clock;
    this.#leases = leases;
  }

  /** Whether one of them, or of the static roles, may log in with that password. */
  admits(username: string, password: string): boolean {
    const ofRoles = [...this.#staticRoles.values()].filter((role) => role.username === username);
    return this.#users.get(username) === password || ofRoles.some((role) => role.password === password);
  }

  /** The names of the users it made and has not taken back. */
  get users(): string[] {
    return [...this.#users.keys()];
  }

  handle(request: EngineRequest): Answer | Promise<Answer> {
    return this.#routes.handle(request);
  }

  #connect(name: string, body: Data): Answer {
    const url = text(body, "connection_url");
    const verified = flag(body, "verify_connection", true);
    if (verified && this.isDown) {
      const cause = unreachable(url);
      throw badRequest(`error creating database object: error verifying connection: ping failed: ${cause}`);
    }
    this.#connections.set(name, {
      plugin: text(body, "plugin_name"),
      url,
      allowedRoles: list(body, "allowed_roles"),
      verified,
    });
    return nothing;
  }

  #makeUser(name: string, request: EngineRequest): Answer {
    const role = this.#roles.get(name);
    if (!role) throw badRequest(`unknown role: ${name}`);
    const { url } = this.#connectionFor(role.database, name);
    if (this.isDown) throw new Refusal(500, [manyErrors(`unable to start transaction: ${unreachable(url)}`)]);
    checkStatements(role.creation);
    const display = request.token!.displayName.slice(0, 8);
    const username = `v-${display}-${name.slice(0, 8)}-${letters(20)}-${toSeconds(this.#clock.wall())}`;
    const password = `${letters(4)}-${letters(15)}`;
    this.#users.set(username, password);
    const lease = this.#leases.create(`creds/${name}`, request, {
      renewable: true,
      limits: { ttl: role.ttl, maxTtl: role.maxTtl },
      owner: { renew: () => this.#reach(url), revoke: () => this.#drop(username, url) },
    });
    return { data: { password, username }, lease };
  }

  #writeStaticRole(name: string, body: Data): Answer {
    const database = text(body, "db_name");
    const { url } = this.#connectionFor(database, name);
    if (this.isDown) throw new Refusal(500, [manyErrors(unreachable(url))]);
    this.#staticRoles.set(name, {
      database,
      username: text(body, "username"),
      period: seconds(body, "rotation_period"),
      password: letters(20),
      rotatedAt: this.#clock.wall(),
    });
    return nothing;
  }

  #staticUser(name: string): Answer {
    const role = this.#staticRoles.get(name);
    if (!role) throw badRequest(`unknown role: ${name}`);
    const age = toSeconds(this.#clock.wall() - role.rotatedAt);
    if (age >= role.period) {
      role.password = letters(20);
      role.rotatedAt += Math.floor(age / role.period) * role.period * 1_000;
    }
    return {
      data: {
        last_vault_rotation: goTime(role.rotatedAt),
        password: role.password,
        rotation_period: role.period,
        ttl: role.period - (age % role.period),
        username: role.username,
      },
    };
  }

  #drop(username: string, url: string): void {
    if (this.isDown) throw new Error(unreachable(url));
    this.#users.delete(username);
  }

  #reach(url: string): void {
    if (this.isDown) throw new Error(manyErrors(unreachable(url)));
  }

  /** The connection of a role, if it serves that role. */
  #connectionFor(database: string, role: string): Connection {
    const connection = this.#connections.get(database);
    const allowed = connection?.allowedRoles ?? [];
    if (!connection) {
      throw new Refusal(500, [manyErrors(`failed to find entry for connection with name: "${database}"`)]);
    }
    if (allowed.includes("*") || allowed.includes(role)) return connection;
    throw new Refusal(500, [manyErrors(`"${role}" is not an allowed role`)]);
  }
}

/** The error of PostgreSQL's client. It names the database's host and user, which callers must not pass on. */
function unreachable(url: string): string {
  const part = (name: string) => new RegExp(`${name}=(\\S+)`).exec(url)?.[1] ?? "";
  const [host, user, database] = ["host", "user", "dbname"].map(part);
  return `failed to connect to \`host=${host} user=${user} database=${database}\`: dial error (dial unix ${host}/.s.PGSQL.5432: connect: no such file or directory)`;
}

/** The words a statement may begin with and, after CREATE, go on with. Enough to tell SQL from nonsense. */
const sqlStart = /^\s*(CREATE\s+(ROLE|USER)|GRANT|ALTER|SELECT|REVOKE|DO|SET)\b/i;

function checkStatements(statements: readonly string[]): void {
  for (const statement of statements) {
    if (sqlStart.test(statement)) continue;
    const words = statement.trim().split(/\s+/);
    const odd = /^create$/i.test(words[0]!) ? words[1] : words[0];
    const error = `failed to execute query: ERROR: syntax error at or near "${odd}" (SQLSTATE 42601)`;
    throw new Refusal(500, [manyErrors(error)]);
  }
}

function readRole(body: Data): Role {
  return {
    database: text(body, "db_name"),
    creation: list(body, "creation_statements"),
    ttl: seconds(body, "default_ttl"),
    maxTtl: seconds(body, "max_ttl") || systemTtl,
  };
}

function describeRole(role: Role | undefined): Data {
  if (!role) throw missing();
  return {
    creation_statements: role.creation,
    credential_type: "password",
    db_name: role.database,
    default_ttl: role.ttl,
    max_ttl: role.maxTtl,
    renew_statements: [],
    revocation_statements: [],
    rollback_statements: [],
  };
}

function describeConnection(connection: Connection | undefined): Data {
  if (!connection) throw missing();
  return {
    allowed_roles: connection.allowedRoles,
    connection_details: { connection_url: connection.url },
    disable_automated_rotation: false,
    password_policy: "",
    plugin_name: connection.plugin,
    plugin_version: "",
    root_credentials_rotate_statements: [],
    rotation_period: 0,
    rotation_schedule: "",
    rotation_window: 0,
    skip_static_role_import_rotation: false,
    verify_connection: connection.verified,
  };
}
