import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { postgresFolder } from "./debian-packages.js";
import { runProgram, untilReady } from "./running-program.js";
import type { VaultApi } from "./vault-api.js";

const run = promisify(execFile);

export interface Postgres {
  /** The folder of its unix socket. */
  readonly socket: string;
  /** Runs SQL as the superuser and gives the rows' text, one line each. */
  readonly sql: (statement: string) => Promise<string[]>;
  /** The same as one of its users, who must know the password. */
  readonly sqlAs: (user: string, password: string, statement: string) => Promise<string[]>;
  /** Ends it as a crash would, and starts it again on the same data. */
  readonly down: () => Promise<void>;
  readonly up: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export interface PostgresOptions {
  readonly logs: string;
  /** An address besides, for those who are not on this machine; on PostgreSQL's usual port. */
  readonly ip?: string;
}

/** A PostgreSQL of its own, as the user postgres, on a unix socket: nothing of the system's cluster is touched. */
export async function startPostgres({ logs, ip }: PostgresOptions, signal: AbortSignal): Promise<Postgres> {
  const programs = await postgresFolder();
  if (!programs) throw new Error("PostgreSQL is not installed");
  // Not below the run's folder: the user postgres may not pass there.
  const socket = await mkdtemp(join(tmpdir(), "kmpg-"));
  await chmod(socket, 0o777);
  const data = join(socket, "data");
  const asPostgres = ["--reuid", "postgres", "--regid", "postgres", "--init-groups", "--"];
  await run(
    "setpriv",
    [...asPostgres, join(programs, "initdb"), "-D", data, "-A", "trust", "-N", "--no-instructions"],
    {
      cwd: socket,
      signal,
    },
  );

  await writeFile(
    join(data, "pg_hba.conf"),
    "local all postgres trust\nlocal all all scram-sha-256\nhost all all all scram-sha-256\n",
  );

  const settings = [
    `listen_addresses=${ip ?? ""}`,
    `unix_socket_directories=${socket}`,
    "fsync=off",
    "shared_buffers=16MB",
  ];
  const options = {
    name: "postgres",
    command: join(programs, "postgres"),
    args: ["-D", data, ...settings.flatMap((setting) => ["-c", setting])],
    log: join(logs, "postgres.log"),
    user: "postgres",
    // The "immediate" shutdown: it frees its shared memory and waits for no client.
    stopSignal: "SIGQUIT",
  } as const;
  let program = runProgram(options);
  const sqlAs: Postgres["sqlAs"] = async (user, password, statement) => {
    const args = ["-h", socket, "-U", user, "-d", "postgres", "-Atqc", statement];
    const { stdout } = await run(join(programs, "psql"), args, { signal, env: { PGPASSWORD: password } });
    return stdout.split("\n").filter((line) => line !== "");
  };
  const sql = (statement: string) => sqlAs("postgres", "", statement);
  const ready = () => untilReady(program, () => sql("select 1"), signal);
  await ready();
  return {
    socket,
    sql,
    sqlAs,
    down: () => program.stop(),
    up: async () => {
      program = runProgram(options);
      await ready();
    },
    stop: async () => {
      await program.stop();
      await rm(socket, { recursive: true, force: true });
    },
  };
}

/** Durations as Vault reads them. */
export interface DatabaseRole {
  readonly name: string;
  readonly ttl: string;
  readonly maxTtl: string;
}

/** Vault's database engine at `mount`, over this PostgreSQL, with one role whose users may log in and nothing else. */
export async function enableDatabaseEngine(
  vault: VaultApi,
  { socket }: Pick<Postgres, "socket">,
  role: DatabaseRole,
  mount = "database",
): Promise<void> {
  await vault.request("POST", `sys/mounts/${mount}`, { type: "database" });
  await vault.request("POST", `${mount}/config/postgres`, {
    plugin_name: "postgresql-database-plugin",
    allowed_roles: ["*"],
    connection_url: `host=${socket} user=postgres dbname=postgres`,
  });
  await vault.request("POST", `${mount}/roles/${role.name}`, {
    db_name: "postgres",
    creation_statements: [`CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'`],
    default_ttl: role.ttl,
    max_ttl: role.maxTtl,
  });
}
