import { join } from "node:path";
import { auditedRequests } from "../../stack/audit-log.js";
import { type Engines, type Lifetimes, enableEngines } from "../../stack/engines.js";
import { type Postgres, startPostgres } from "../../stack/postgres.js";
import type { RunningPod } from "./running-pod.js";
import { type Fixture, createFixture } from "./fixture.js";

/** A fixture with a database and engines of its own. */
export interface LeaseFixture extends Fixture, Engines {
  readonly postgres: Postgres;
  /** The users that Vault has made for a role of the database, and not yet dropped. */
  readonly users: (role?: string) => Promise<string[]>;
  /** Logs in to the database as a volume's files say, and gives who one is there. */
  readonly logIn: (pod: RunningPod, volume?: string) => Promise<string>;
  /** How often the application's pods have logged in to Vault. */
  readonly logins: () => Promise<number>;
}

export interface LeaseFixtureOptions extends Lifetimes {
  /** Where pods reach the database. */
  readonly ip?: string;
}

export async function createLeaseFixture(
  label: string,
  how: "alone" | "together",
  { ip, ...lives }: LeaseFixtureOptions,
): Promise<LeaseFixture> {
  const fixture = await createFixture(label, how);
  const { app, cluster, signal, atTheEnd } = fixture;
  const postgres = await startPostgres({ logs: join(cluster.logs, label), ...(ip !== undefined && { ip }) }, signal);
  atTheEnd(() => postgres.stop());
  const engines = await enableEngines(app, postgres, lives);
  return {
    ...fixture,
    ...engines,
    postgres,
    // Names are made of the login's, the role's first eight letters, and something random.
    users: (role = "app") =>
      postgres.sql(`select rolname from pg_roles where rolname like 'v-%-${role}-%' order by rolname`),
    logIn: async (pod, volume = "secrets") => {
      const { user = "", password = "" } = await pod.texts(volume);
      const [me = ""] = await postgres.sqlAs(user, password, "select current_user");
      return me;
    },
    logins: async () =>
      (await auditedRequests(cluster.vault.auditLog, app.namespace)).filter(({ what }) => what === "login").length,
  };
}
