/**
 * An application with a pool of connections to a database, as its files say who it is. When they change it opens another
 * pool, and lets the connections of the replaced one go on for a while, as requests that are under way would. Answers what
 * it has seen at port 8080.
 *
 *   node pool.mjs FOLDER HOST
 */
import { readFile, realpath } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "pg";

const [folder = "", host = ""] = process.argv.slice(2);
/** A minute, compressed as the logins' lives are: a fifth of the time that is left when a Mount should replace one. */
const replacedClosesAfterMs = 8_000;

const seen = { queries: 0, failures: [] as string[], identities: [] as string[] };

/** What is there changes in one step: the link is followed once, for both files, and anew where they were replaced meanwhile. */
async function identity(): Promise<{ user: string; password: string }> {
  for (;;) {
    const data = await realpath(join(folder, "..data"));
    try {
      const [user = "", password = ""] = await Promise.all(
        ["user", "password"].map((file) => readFile(join(data, file), "utf8")),
      );
      return { user, password };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}

async function query(pool: Pool, user: string): Promise<void> {
  try {
    const { rows } = await pool.query<{ me: string }>("select current_user as me");
    if (rows[0]?.me !== user) throw new Error(`is ${rows[0]?.me} instead of ${user}`);
    seen.queries += 1;
  } catch (error) {
    seen.failures.push(`${new Date().toISOString()} ${user}: ${String(error)}`);
  }
}

/** Four requests at a time, until the login has been another for a while. */
async function serve(user: string, password: string): Promise<void> {
  const pool = new Pool({ host, user, password, database: "postgres", max: 4 });
  pool.on("error", (error) => seen.failures.push(`${user}: ${error.message}`));
  seen.identities.push(user);
  let until = Infinity;
  const work = async () => {
    while (Date.now() < until) {
      await query(pool, user);
      await sleep(50);
    }
  };
  const working = Promise.all([work(), work(), work(), work()]);
  while (until === Infinity) {
    await sleep(500);
    const now = await identity();
    if (now.user === user) continue;
    void serve(now.user, now.password);
    until = Date.now() + replacedClosesAfterMs;
  }
  await working;
  await pool.end();
}

createServer((_, answer) => answer.end(JSON.stringify(seen))).listen(8080);
const { user, password } = await identity();
await serve(user, password);
