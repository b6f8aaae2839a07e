import type { ReadyVault } from "./ready-vault.js";

/** Mounts a database engine at `database/` whose role `app` makes users of an hour, at most a day. */
export async function withDatabase(
  { admin }: Pick<ReadyVault, "admin">,
  role: { ttl: string; maxTtl: string } = { ttl: "1h", maxTtl: "24h" },
) {
  await admin.write("sys/mounts/database", { type: "database" });
  await admin.write("database/config/pg", {
    plugin_name: "postgresql-database-plugin",
    allowed_roles: "*",
    connection_url: "postgresql://db.example/app",
  });
  await admin.write("database/roles/app", {
    db_name: "pg",
    creation_statements: ["CREATE ROLE"],
    default_ttl: role.ttl,
    max_ttl: role.maxTtl,
  });
}
