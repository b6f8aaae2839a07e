import { afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  aNumber,
  aTime,
  cappedWarning,
  denied,
  expectAnswer,
  expectNothing,
  expectRefusal,
  secondsLeft,
} from "./ask.js";
import type { Suite, ContractContext } from "./suite.js";

const sql = `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'`;

/** The database engine, and through it leases. Says nothing where there is no database. */
export const leases: Suite = (context, { answered }) => {
  describe("database credentials and their leases", () => {
    let vault: ContractContext;
    let token: string;
    beforeAll(async () => {
      vault = context();
      await vault.must("POST", "sys/mounts/database", { type: "database" });
      await vault.must("POST", "database/config/pg", {
        plugin_name: "postgresql-database-plugin",
        allowed_roles: ["app", "bad", "short"],
        connection_url: vault.underTest.database!.url,
      });
      const role = { db_name: "pg", creation_statements: [sql], default_ttl: "1h", max_ttl: "2h" };
      await vault.must("POST", "database/roles/app", role);
      await vault.must("POST", "database/roles/short", { ...role, max_ttl: "30m", default_ttl: "10m" });
      await vault.must("POST", "database/roles/foreign", role);
      await vault.must("POST", "database/roles/bad", { ...role, creation_statements: ["CREATE NONSENSE"] });
      const policy = 'path "database/creds/*" { capabilities = ["read"] }';
      await vault.must("PUT", "sys/policies/acl/database", { policy });
      token = (await vault.token({ policies: ["database"] })).client_token;
    });
    afterEach(() => vault.underTest.database!.setDown(false));

    const creds = async (of = token) => (await vault.ask("GET", "database/creds/app", { token: of })).json!;
    const username = (answer: { data: Record<string, unknown> }) => answer.data["username"] as string;
    const users = () => vault.underTest.database!.users();
    const lookup = (lease_id: string) => vault.root("PUT", "sys/leases/lookup", { lease_id });
    const gone = "invalid lease";

    test("a user is made, and leased", async () => {
      const response = await vault.ask("GET", "database/creds/app", { token });
      expectAnswer(
        response,
        answered({
          mount_type: "database",
          lease_id: expect.stringMatching(/^database\/creds\/app\/[A-Za-z0-9]{24}$/) as string,
          renewable: true,
          lease_duration: 3_600,
          data: {
            username: expect.stringMatching(/^v-token-app-[A-Za-z0-9]{20}-\d+$/) as string,
            password: expect.stringMatching(/^[\w-]{20}$/) as string,
          },
        }),
      );
      expect(await users()).toContain(username(response.json!));
    });

    test("a lease describes itself, and is listed", async () => {
      const { lease_id: id } = await creds();
      const times = { expire_time: aTime, issue_time: aTime, last_renewal: null, ttl: secondsLeft(3_600) };
      const data = { id, renewable: true, ...times };
      expectAnswer(await lookup(id), answered({ mount_type: "system", data }));
      const { json } = await vault.root("GET", "sys/leases/lookup/database/creds/app?list=true");
      expect(json!.data.keys).toContain(id.split("/").at(-1));
    });

    test.each([
      ["as long as before", {}, 3_600, null],
      ["as long as asked", { increment: 60 }, 60, null],
      [
        "no longer than the maximum, and says so",
        { increment: 36_000 },
        secondsLeft(7_200),
        [cappedWarning("10h", /2h|1h59m5\ds/)],
      ],
    ])("a lease is renewed for %s", async (_, options, seconds, warnings) => {
      const { lease_id: id } = await creds();
      const response = await vault.ask("PUT", "sys/leases/renew", { token, body: { lease_id: id, ...options } });
      const renewed = { lease_id: id, renewable: true, lease_duration: seconds, warnings };
      expectAnswer(response, answered({ mount_type: "system", ...renewed }));
      expect((await lookup(id)).json!.data["last_renewal"]).toEqual(aTime);
    });

    test("a revoked lease is gone, and its user with it", async () => {
      const answer = await creds();
      const body = { lease_id: answer.lease_id };
      expectRefusal(await vault.ask("PUT", "sys/leases/revoke", { token, body }), 403, denied);
      expectNothing(await vault.root("PUT", "sys/leases/revoke", body));
      expect(await users()).not.toContain(username(answer));
      expectNothing(await vault.root("PUT", "sys/leases/revoke", body));
      expectRefusal(await vault.root("PUT", "sys/leases/renew", body), 400, "lease not found");
      expectRefusal(await lookup(answer.lease_id), 400, gone);
    });

    test.each(["renew", "revoke", "lookup"])("%s wants to know which lease", async (verb) => {
      expectRefusal(await vault.root("PUT", `sys/leases/${verb}`, {}), 400, "lease_id must be specified");
    });

    test("leases are revoked by prefix", async () => {
      const answers = [await creds(), await creds()];
      expectNothing(await vault.root("PUT", "sys/leases/revoke-prefix/database/creds/app"));
      expectNothing(await vault.root("PUT", "sys/leases/revoke-prefix/database/creds/app"));
      for (const answer of answers) {
        expectRefusal(await lookup(answer.lease_id), 400, gone);
        expect(await users()).not.toContain(username(answer));
      }
    });

    test("what a token got dies with it", async () => {
      const { client_token: own } = await vault.token({ policies: ["database"] });
      const answer = await creds(own);
      expectNothing(await vault.ask("POST", "auth/token/revoke-self", { token: own }));
      await expect.poll(users).not.toContain(username(answer));
      await expect.poll(async () => (await lookup(answer.lease_id)).status).toBe(400);
    });

    test("a batch token's lease ends no later than the token", async () => {
      const { client_token: batch } = await vault.token({ policies: ["database"], type: "batch", ttl: "40s" });
      const { lease_duration: seconds } = await creds(batch);
      expect(seconds).toBeGreaterThanOrEqual(38);
      expect(seconds).toBeLessThanOrEqual(40);
    });

    test.each([
      ["an unknown role", "creds/nope", 400, "unknown role: nope"],
      [
        "a role of another database",
        "creds/foreign",
        500,
        '1 error occurred:\n\t* "foreign" is not an allowed role\n\n',
      ],
      [
        "bad SQL",
        "creds/bad",
        500,
        '1 error occurred:\n\t* failed to execute query: ERROR: syntax error at or near "NONSENSE" (SQLSTATE 42601)\n\n',
      ],
      ["an unknown static role", "static-creds/nope", 400, "unknown role: nope"],
      ["an unknown path", "nonsense", 404, "1 error occurred:\n\t* unsupported path\n\n"],
    ])("refuses %s", async (_, path, status, error) => {
      expectRefusal(await vault.root("GET", `database/${path}`), status, error);
    });

    test("refuses to be written to", async () => {
      const error = "1 error occurred:\n\t* unsupported operation\n\n";
      expectRefusal(await vault.root("POST", "database/creds/app", {}), 405, error);
    });

    test("while the database is down nothing is made, renewed or taken back, and nothing is lost", async () => {
      const { lease_id: id } = await creds();
      const { url, setDown } = vault.underTest.database!;
      const [host, user] = ["host", "user"].map((name) => new RegExp(`${name}=(\\S+)`).exec(url)![1]!);
      const cause = `failed to connect to \`host=${host} user=${user} database=postgres\`: dial error (dial unix ${host}/.s.PGSQL.5432: connect: no such file or directory)`;
      const failed = (verb: string, error: string) =>
        `failed to ${verb} entry: resp: (*logical.Response)(nil) err: ${error}`;
      await setDown(true);

      const made = `1 error occurred:\n\t* unable to start transaction: ${cause}\n\n`;
      expectRefusal(await vault.root("GET", "database/creds/app"), 500, made);
      const renewal = failed("renew", `1 error occurred:\n\t* ${cause}\n\n`);
      expectRefusal(await vault.root("PUT", "sys/leases/renew", { lease_id: id }), 400, renewal);
      expectRefusal(await vault.root("PUT", "sys/leases/revoke", { lease_id: id }), 400, failed("revoke", cause));
      expect((await lookup(id)).json!.data["ttl"]).toEqual(aNumber);

      await setDown(false);
      expect((await vault.root("PUT", "sys/leases/renew", { lease_id: id })).status).toBe(200);
    });
  });
};
