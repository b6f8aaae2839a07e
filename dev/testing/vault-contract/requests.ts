import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, anAccessor, aTime, aUuid, denied, expectAnswer, expectNothing, expectRefusal } from "./ask.js";
import type { Suite, ContractContext } from "./suite.js";

/** What holds for any path: malformed requests, methods, wrapping, quotas. */
export const requests: Suite = (context, { answered, aServiceToken, unknownToken }) => {
  describe("any request", () => {
    let vault: ContractContext;
    beforeAll(async () => {
      vault = context();
      await vault.must("POST", "sys/mounts/any", { type: "kv", options: { version: "1" } });
      await vault.must("POST", "any/a", { x: "1" });
    });
    const raw = (text: string) => vault.ask("POST", "any/x", { token: vault.underTest.rootToken, raw: text });

    test("may have null for a body, which is as good as none", async () => {
      expectRefusal(await raw("null"), 400, "missing data fields");
    });

    test.each([
      ["none", {}, 400, "mime: no media type"],
      [
        "another",
        { "content-type": "application/json" },
        415,
        "PATCH requires Content-Type of application/merge-patch+json, provided application/json",
      ],
    ])("that patches needs its own media type, not %s", async (_, headers, status, error) => {
      const patched = await vault.ask("PATCH", "any/a", { token: vault.underTest.rootToken, headers, body: {} });
      expectRefusal(patched, status, error);
    });

    const unknown: readonly [method: string, path: string, told: string][] = [
      ["GET", "nowhere", "nowhere"],
      ["GET", "nowhere/", "nowhere/"],
      ["GET", "nowhere/x/y", "nowhere/x/y"],
      ["GET", "nowhere?list=true", "nowhere/"],
      ["GET", "nowhere/x?list=true", "nowhere/x/"],
      ["POST", "nowhere/x", "nowhere/x"],
      ["PUT", "nowhere/x", "nowhere/x"],
      ["PATCH", "nowhere/x", "nowhere/x"],
      ["DELETE", "nowhere/x", "nowhere/x"],
      ["GET", "auth", "auth"],
      ["GET", "auth/", "auth/"],
      ["GET", "auth/nowhere/role/x", "auth/nowhere/role/x"],
      ["POST", "auth/nowhere/login", "auth/nowhere/login"],
      ["GET", "", ""],
    ];
    test.each(unknown)("%s %s has no route, which is told to those who may know", async (method, path, told) => {
      const headers = method === "PATCH" ? { "content-type": "application/merge-patch+json" } : {};
      const asked = (token?: string) => vault.ask(method, path, { ...(token && { token }), headers });
      const error = `no handler for route "${told}". route entry not found.`;
      expectRefusal(await asked(vault.underTest.rootToken), 404, error);
      expectRefusal(await asked((await vault.token({ policies: ["default"] })).client_token), 403, denied);
      expectRefusal(await asked("nope"), 403, unknownToken);
      expectRefusal(await asked(), 403, "permission denied");
    });

    test.each([
      ["/any/a", "any/a"],
      ["any//a", "any/a"],
      ["any//b///c?x=1&y=2", "any/b/c?x=1&y=2"],
    ])("for %s is sent to the clean path", async (path, clean) => {
      const location = `/v1/${clean}`;
      for (const method of ["GET", "POST"]) {
        const response = await vault.root(method, path);
        expect(response).toMatchObject({ status: 307, headers: { location } });
        const link = `<a href="${location.replace("&", "&amp;")}">Temporary Redirect</a>.\n\n`;
        expect(response.text).toBe(method === "GET" ? link : "");
      }
    });

    test.each([
      ["GET", "sys/nope", 404, "unsupported path"],
      ["POST", "sys/nope", 404, "unsupported path"],
      ["GET", "sys/nope?list=true", 404, "unsupported path"],
      ["GET", "sys/policies/acl", 405, "unsupported operation"],
      ["GET", "auth/token/nope", 404, "unsupported path"],
      ["GET", "auth/token", 404, "unsupported path"],
    ])("%s %s is told by what is mounted there", async (method, path, status, error) => {
      expectRefusal(await vault.root(method, path), status, `1 error occurred:\n\t* ${error}\n\n`);
    });

    test("that asks for capabilities hears all that a token has", async () => {
      const policy = 'path "any/*" { capabilities = ["read", "list"] }';
      await vault.must("PUT", "sys/policies/acl/any-capable", { policy });
      const { client_token: token } = await vault.token({ policies: ["any-capable"] });
      const told = (data: Record<string, unknown>) => answered({ ...data, data, mount_type: "system" });
      const one = { "any/a": ["list", "read"], capabilities: ["list", "read"] };
      const two = { "any/a": ["list", "read"], other: ["deny"] };
      const self = (paths: string[], as: string) =>
        vault.ask("POST", "sys/capabilities-self", { token: as, body: { paths } });
      expectAnswer(await self(["any/a"], token), told(one));
      expectAnswer(await self(["any/a", "other"], token), told(two));
      expectAnswer(await vault.root("POST", "sys/capabilities", { token, paths: ["any/a"] }), told(one));
      const root = { "any/a": ["root"], capabilities: ["root"] };
      expectAnswer(await self(["any/a"], vault.underTest.rootToken), told(root));
      expectRefusal(await self([], token), 400, "paths must be supplied");
      const wrong = await vault.root("POST", "sys/capabilities", { token: "nope", paths: ["any/a"] });
      expectRefusal(wrong, 400, "1 error occurred:\n\t* invalid token\n\n");
      const withoutToken = await vault.root("POST", "sys/capabilities", { paths: ["any/a"] });
      expectRefusal(withoutToken, 500, "1 error occurred:\n\t* no token found\n\n");
    });

    test.each([
      ["a deny below it", 'path "any/*" { capabilities = ["list"] } path "any/f/*" { capabilities = ["deny"] }', 200],
      ["a grant of it without the slash", 'path "any/f" { capabilities = ["list"] }', 200],
      ["a grant of it with the slash", 'path "any/f/" { capabilities = ["list"] }', 200],
      ["a grant of what is below it", 'path "any/f/*" { capabilities = ["list"] }', 200],
      ["a grant of one step beside it", 'path "any/+" { capabilities = ["list"] }', 200],
      ["a grant of a name that begins like it", 'path "any/f*" { capabilities = ["list"] }', 200],
    ])("that lists may have a slash at its end, and is allowed with it or without: %s", async (_, policy, status) => {
      await vault.must("POST", "any/f/a", { x: "1" });
      await vault.must("PUT", "sys/policies/acl/any-listed", { policy });
      const { client_token: token } = await vault.token({ policies: ["any-listed"] });
      for (const path of ["any/f?list=true", "any/f/?list=true"])
        expect((await vault.ask("GET", path, { token })).status).toBe(status);
    });

    test.each([
      ["DELETE", "sys/health"],
      ["POST", "sys/seal-status"],
    ])("%s %s has the wrong method", async (method, path) => {
      expectRefusal(await vault.root(method, path), 405);
    });

    test("may carry a bearer token instead", async () => {
      const headers = { authorization: `Bearer ${vault.underTest.rootToken}` };
      expect((await vault.ask("GET", "any/a", { headers })).status).toBe(200);
    });

    test("is kept from being cached", async () => {
      expect((await vault.root("GET", "any/a")).headers["cache-control"]).toBe("no-store");
    });

    test("mounts are made once, of a kind that is known", async () => {
      expectRefusal(await vault.root("POST", "sys/mounts/any", { type: "kv" }), 400, "path is already in use at any/");
      const unknown = await vault.root("POST", "sys/mounts/odd", { type: "nonsense" });
      expectRefusal(unknown, 400, "plugin not found in the catalog: nonsense");
      expectNothing(await vault.root("DELETE", "sys/mounts/not-there"));
    });

    test("policies are read back as written, refused when they make no sense", async () => {
      const policy = 'path "any/*" { capabilities = ["read"] }';
      expectNothing(await vault.root("PUT", "sys/policies/acl/any", { policy }));
      const expected = answered({ mount_type: "system", data: { name: "any", policy } });
      expectAnswer(await vault.root("GET", "sys/policies/acl/any"), expected);
      expectRefusal(await vault.root("GET", "sys/policies/acl/none"), 404);
      const older = { name: "any", rules: policy };
      expectAnswer(
        await vault.root("GET", "sys/policy/any"),
        answered({ ...older, mount_type: "system", data: older }),
      );
      const listed = (await vault.root("GET", "sys/policies/acl?list=true")).json!.data.keys;
      expect((await vault.root("GET", "sys/policy")).json!.data).toEqual({ keys: listed, policies: listed });
      const odd = { policy: 'path "any" { capabilities = ["fly"] }' };
      const error = 'failed to parse policy: path "any": invalid capability "fly"';
      expectRefusal(await vault.root("PUT", "sys/policies/acl/odd", odd), 400, error);
    });
  });

  describe("response wrapping", () => {
    let vault: ContractContext;
    beforeAll(async () => {
      vault = context();
      await vault.must("POST", "sys/mounts/wrapped", { type: "kv", options: { version: "1" } });
      await vault.must("POST", "wrapped/a", { x: "1" });
    });
    const wrap = (path: string) =>
      vault.ask("GET", path, { token: vault.underTest.rootToken, headers: { "x-vault-wrap-ttl": "60s" } });
    const spent = "wrapping token is not valid or does not exist";

    test("puts an answer behind a token that opens it once", async () => {
      const response = await wrap("wrapped/a");
      const wrap_info = {
        token: aServiceToken,
        accessor: anAccessor,
        ttl: 60,
        creation_time: aTime,
        creation_path: "wrapped/a",
      };
      expectAnswer(response, answered({ request_id: "", wrap_info }));
      const { token } = response.json!.wrap_info!;
      const opened = await vault.ask("POST", "sys/wrapping/unwrap", { token });
      expectAnswer(opened, answered({ data: { x: "1" }, lease_duration: 2_764_800, mount_type: "kv" }));
      expectRefusal(await vault.ask("POST", "sys/wrapping/unwrap", { token }), 400, spent);
    });

    test("opens for someone else's token", async () => {
      const { token } = (await wrap("wrapped/a")).json!.wrap_info!;
      expect((await vault.root("POST", "sys/wrapping/unwrap", { token })).json!.data).toEqual({ x: "1" });
      expectRefusal(await vault.root("POST", "sys/wrapping/unwrap", { token: "nope" }), 400, spent);
    });

    test("wraps no refusal", async () => {
      expectRefusal(await wrap("wrapped/missing"), 404);
    });
  });

  describe("a rate limit", () => {
    let vault: ContractContext;
    beforeAll(async () => {
      vault = context();
      await vault.must("POST", "sys/mounts/limited", { type: "kv", options: { version: "1" } });
      await vault.must("POST", "sys/quotas/rate-limit/contract", { path: "limited/", rate: 2, interval: "1h" });
    });
    afterAll(async () => {
      await vault.must("POST", "sys/quotas/config", { enable_rate_limit_response_headers: false });
      await vault.must("DELETE", "sys/quotas/rate-limit/contract");
    });

    test("refuses what is too much, below its path only, and says when it ends if told to", async () => {
      const error = 'request path "limited/a": rate limit quota exceeded';
      for (const _ of [1, 2]) expectRefusal(await vault.root("GET", "limited/a"), 404);
      const response = await vault.root("GET", "limited/a");
      expectRefusal(response, 429, error);
      expect(response.headers["retry-after"]).toBeUndefined();
      expect((await vault.root("GET", "any/a")).status).toBe(200);

      await vault.must("POST", "sys/quotas/config", { enable_rate_limit_response_headers: true });
      const told = await vault.root("GET", "limited/a");
      expectRefusal(told, 429, error);
      expect(told.headers).toMatchObject({ "x-ratelimit-limit": "2", "x-ratelimit-remaining": "0" });
      expect(Number(told.headers["retry-after"])).toBeGreaterThan(3_500);
    });
  });
};

const health = {
  initialized: true,
  sealed: false,
  standby: false,
  performance_standby: false,
  replication_performance_mode: "disabled",
  replication_dr_mode: "disabled",
  server_time_utc: expect.any(Number) as number,
  enterprise: false,
  cluster_name: expect.stringMatching(/^vault-cluster-/) as string,
  cluster_id: aUuid,
  echo_duration_ms: 0,
  clock_skew_ms: 0,
  replication_primary_canary_age_ms: 0,
};

/** The last suite: it seals the Vault, and opens it again. */
export const sealing: Suite = (context, { health: healthy }) => {
  describe("the seal", () => {
    let vault: ContractContext;
    beforeAll(async () => {
      vault = context();
      await vault.must("POST", "sys/mounts/sealed", { type: "kv", options: { version: "1" } });
      await vault.must("POST", "sealed/a", { x: "1" });
    });
    afterAll(() => vault.ask("PUT", "sys/unseal", { body: { key: vault.underTest.unsealKey } }));

    test("an open Vault is healthy, and names its cluster", async () => {
      expectAnswer(await vault.ask("GET", "sys/health"), { status: 200, json: healthy(health) });
      const { json } = await vault.ask("GET", "sys/seal-status");
      expect(json).toMatchObject({ sealed: false, initialized: true, cluster_id: aUuid });
    });

    test("a sealed one answers nothing but that, and opens with its key", async () => {
      expectNothing(await vault.root("PUT", "sys/seal"));
      expectRefusal(await vault.root("GET", "sealed/a"), 503, "Vault is sealed");
      const login = await vault.ask("POST", "auth/jwt/login", { body: { role: "web", jwt: "x" } });
      expectRefusal(login, 503, "Vault is sealed");
      const { cluster_name: _name, cluster_id: _id, ...rest } = health;
      const modes = { replication_performance_mode: "unknown", replication_dr_mode: "unknown" };
      const json = healthy({ ...rest, ...modes, sealed: true, standby: true });
      expectAnswer(await vault.ask("GET", "sys/health"), { status: 503, json });
      expect((await vault.ask("GET", "sys/seal-status")).json).toMatchObject({ sealed: true });

      const unseal = (key: string) => vault.ask("PUT", "sys/unseal", { body: { key } });
      expectRefusal(await unseal("zzz"), 400, "'key' must be a valid hex or base64 string");
      expect((await unseal(vault.underTest.unsealKey)).json).toMatchObject({ sealed: false });
      await expect.poll(async () => (await vault.root("GET", "sealed/a")).status, { timeout: 10_000 }).toBe(200);
    });

    test("not everyone may seal", async () => {
      const { client_token: token } = await vault.token({ policies: ["default"] });
      expectRefusal(await vault.ask("PUT", "sys/seal", { token }), 403, "1 error occurred:\n\t* permission denied\n\n");
    });
  });
};

/** A standby of the same Vault. */
export const standby: Suite = (context, { health: healthy }) => {
  describe("a standby", () => {
    let vault: ContractContext;
    let address: string;
    beforeAll(async () => {
      vault = context();
      address = vault.underTest.standbyAddress!;
      await vault.must("POST", "sys/mounts/shared", { type: "kv", options: { version: "1" } });
      await vault.must("POST", "shared/a", { x: "1" });
    });
    const token = () => vault.underTest.rootToken;

    test("says so, with the status of a rate limit unless told otherwise", async () => {
      const response = await ask(address, "GET", "sys/health");
      expectAnswer(response, { status: 429, json: healthy({ ...health, ...clusterHealth, standby: true }) });
      expect((await ask(address, "GET", "sys/health?standbyok=true")).status).toBe(200);
    });

    test("is of the same cluster, and knows who leads", async () => {
      const [here, there] = await Promise.all([ask(address, "GET", "sys/health"), vault.ask("GET", "sys/health")]);
      expect(here.json!["cluster_id"]).toBe(there.json!["cluster_id"]);
      const leader = await ask(address, "GET", "sys/leader");
      expect(leader.json).toMatchObject({ ha_enabled: true, is_self: false, leader_address: vault.underTest.address });
    });

    test("answers reads, and forwards writes", async () => {
      const read = async () => (await ask(address, "GET", "shared/a", { token: token() })).json?.data;
      await expect.poll(read).toEqual({ x: "1" });
      expectNothing(await ask(address, "POST", "shared/b", { token: token(), body: { x: "2" } }));
      expect((await vault.root("GET", "shared/b")).json!.data).toEqual({ x: "2" });
    });
  });
};

/** How a standby judges its link to the leader; it changes from one beat to the next. */
const clusterHealth = {
  ha_connection_healthy: true,
  last_request_forwarding_heartbeat_ms: expect.any(Number) as number,
  echo_duration_ms: expect.any(Number) as number,
  clock_skew_ms: expect.any(Number) as number,
  removed_from_cluster: false,
};
