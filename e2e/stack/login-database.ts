import { startPostgres, type Postgres } from "./postgres.js";

/** A database that users log in to whom a database engine makes, or changes the password of. */
export interface LoginDatabase extends Pick<Postgres, "socket" | "down" | "up" | "stop"> {
  /** The names of those that an engine has made, and not yet dropped. */
  readonly users: () => Promise<string[]>;
  /** One that is there before any engine knows of it. */
  readonly addUser: (name: string) => Promise<unknown>;
  /** Gives who one is there; throws where the password is not the user's. */
  readonly logIn: (user: string, password: string) => Promise<string>;
}

export async function startLoginDatabase(logs: string, signal: AbortSignal): Promise<LoginDatabase> {
  const postgres = await startPostgres({ logs }, signal);
  const { sql, sqlAs } = postgres;
  return {
    ...postgres,
    users: () => sql("select rolname from pg_roles where rolname like 'v-%' order by rolname"),
    addUser: (name) => sql(`create role ${name} login password 'first'`),
    logIn: async (user, password) => (await sqlAs(user, password, "select current_user"))[0] ?? "",
  };
}
