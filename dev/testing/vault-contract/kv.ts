import { beforeAll, describe, expect, test } from "vitest";
import { aTime, expectAnswer, expectNothing, expectRefusal } from "./ask.js";
import type { Suite, ContractContext } from "./suite.js";

/** How long a secret of version 1 is said to live: the system's default. */
const systemTtl = 2_764_800;

export const kvV1: Suite = (context, { answered }) => {
  describe("kv version 1", () => {
    let vault: ContractContext;
    beforeAll(async () => {
      vault = context();
      await vault.must("POST", "sys/mounts/kv1", { type: "kv", options: { version: "1" } });
      await vault.must("POST", "kv1/app/a", { password: "hunter2", html: "<&>" });
      await vault.must("POST", "kv1/app/folder/b", { x: 1 });
    });
    const kv = { mount_type: "kv" };

    test("answers a write with nothing", async () => {
      expectNothing(await vault.root("POST", "kv1/app/c", { x: 1 }));
      expectNothing(await vault.root("PUT", "kv1/app/c", { x: 2 }));
    });

    test("reads what was written", async () => {
      const response = await vault.root("GET", "kv1/app/a");
      const data = { password: "hunter2", html: "<&>" };
      expectAnswer(response, answered({ ...kv, data, lease_duration: systemTtl }));
      expect(response.text).toContain('"html":"\\u003c\\u0026\\u003e"');
    });

    test("keeps the digits of numbers and sorts keys", async () => {
      const raw = '{"z":1.0,"big":12345678901234567890,"e":1e3,"10":1,"9":2}';
      await vault.ask("POST", "kv1/app/numbers", { token: vault.underTest.rootToken, raw });
      const { text } = await vault.root("GET", "kv1/app/numbers");
      expect(text).toContain('"data":{"10":1,"9":2,"big":12345678901234567890,"e":1e3,"z":1.0}');
    });

    test("tells a secret's own ttl as its lease", async () => {
      await vault.must("POST", "kv1/app/ttl", { ttl: "30m" });
      const data = { ttl: "30m" };
      expectAnswer(await vault.root("GET", "kv1/app/ttl"), answered({ ...kv, data, lease_duration: 1_800 }));
    });

    test("lists keys and folders, with or without the slash", async () => {
      await vault.must("POST", "kv1/list/a", { x: 1 });
      await vault.must("POST", "kv1/list/folder/b", { x: 1 });
      const expected = answered({ ...kv, data: { keys: ["a", "folder/"] } });
      expectAnswer(await vault.root("GET", "kv1/list?list=true"), expected);
      expectAnswer(await vault.root("GET", "kv1/list/?list=true"), expected);
    });

    test("takes no patch", async () => {
      const patched = await vault.patch("kv1/app/a", { x: 1 });
      expectRefusal(patched, 405, "1 error occurred:\n\t* unsupported operation\n\n");
    });

    test.each(["kv1/app/missing", "kv1/app/", "kv1", "kv1/nothing?list=true"])("%s is not there", async (path) => {
      expectRefusal(await vault.root("GET", path), 404);
    });

    test("deletes, also what is not there", async () => {
      await vault.must("POST", "kv1/app/gone", { x: 1 });
      expectNothing(await vault.root("DELETE", "kv1/app/gone"));
      expectNothing(await vault.root("DELETE", "kv1/app/gone"));
      expectRefusal(await vault.root("GET", "kv1/app/gone"), 404);
    });

    test("refuses a write without fields", async () => {
      expectRefusal(await vault.root("POST", "kv1/app/a", {}), 400, "missing data fields");
    });
  });
};

export const kvV2: Suite = (context, { answered }) => {
  describe("kv version 2", () => {
    let vault: ContractContext;
    beforeAll(async () => {
      vault = context();
      await vault.must("POST", "sys/mounts/kv2", { type: "kv", options: { version: "2" } });
    });

    const stamp = (version: number, change: Record<string, unknown> = {}) => ({
      created_time: aTime,
      custom_metadata: null,
      deletion_time: "",
      destroyed: false,
      version,
      ...change,
    });
    const secret = (data: unknown, metadata: unknown) => answered({ mount_type: "kv", data: { data, metadata } });
    const hidden = (metadata: unknown) => answered({ data: { data: null, metadata } }, 404);
    const write = (path: string, data: unknown) => vault.must("POST", `kv2/data/${path}`, { data });

    test("numbers versions and reads each", async () => {
      const first = await vault.root("POST", "kv2/data/versions", { data: { k: "1" } });
      expectAnswer(first, answered({ mount_type: "kv", data: stamp(1) }));
      const second = await vault.root("PUT", "kv2/data/versions", { data: { k: "2" } });
      expectAnswer(second, answered({ mount_type: "kv", data: stamp(2) }));
      expectAnswer(await vault.root("GET", "kv2/data/versions"), secret({ k: "2" }, stamp(2)));
      expectAnswer(await vault.root("GET", "kv2/data/versions?version=0"), secret({ k: "2" }, stamp(2)));
      expectAnswer(await vault.root("GET", "kv2/data/versions?version=1"), secret({ k: "1" }, stamp(1)));
      expectRefusal(await vault.root("GET", "kv2/data/versions?version=9"), 404);
    });

    test("refuses a version that is no number", async () => {
      const error =
        'Field validation failed: error converting input for field "version": cannot parse \'\' as int: strconv.ParseInt: parsing "x": invalid syntax';
      expectRefusal(await vault.root("GET", "kv2/data/versions?version=x"), 400, error);
    });

    test("tells a deleted version from a missing one, and takes it back", async () => {
      await write("deleted", { k: "1" });
      expectNothing(await vault.root("DELETE", "kv2/data/deleted"));
      expectAnswer(await vault.root("GET", "kv2/data/deleted"), hidden(stamp(1, { deletion_time: aTime })));
      expectNothing(await vault.root("POST", "kv2/undelete/deleted", { versions: [1] }));
      expectAnswer(await vault.root("GET", "kv2/data/deleted"), secret({ k: "1" }, stamp(1)));
    });

    test("deletes a version that is not the newest", async () => {
      await write("older", { k: "1" });
      await write("older", { k: "2" });
      expectNothing(await vault.root("POST", "kv2/delete/older", { versions: [1] }));
      const first = await vault.root("GET", "kv2/data/older?version=1");
      expectAnswer(first, hidden(stamp(1, { deletion_time: aTime })));
      expectAnswer(await vault.root("GET", "kv2/data/older"), secret({ k: "2" }, stamp(2)));
    });

    test("destroys a version for good", async () => {
      await write("destroyed", { k: "1" });
      expectNothing(await vault.root("PUT", "kv2/destroy/destroyed", { versions: [1] }));
      expectAnswer(await vault.root("GET", "kv2/data/destroyed"), hidden(stamp(1, { destroyed: true })));
      expectNothing(await vault.root("POST", "kv2/undelete/destroyed", { versions: [1] }));
      expectAnswer(await vault.root("GET", "kv2/data/destroyed"), hidden(stamp(1, { destroyed: true })));
    });

    test("keeps only so many versions, and forgets all with the metadata", async () => {
      expectNothing(
        await vault.root("POST", "kv2/metadata/few", { max_versions: 2, custom_metadata: { owner: "me" } }),
      );
      for (const k of ["1", "2", "3"]) await write("few", { k });
      const noted = { custom_metadata: { owner: "me" } };
      expectRefusal(await vault.root("GET", "kv2/data/few?version=1"), 404);
      expectAnswer(await vault.root("GET", "kv2/data/few?version=2"), secret({ k: "2" }, stamp(2, noted)));
      expect((await vault.root("GET", "kv2/metadata/few")).json!.data).toMatchObject({
        ...noted,
        cas_required: false,
        current_version: 3,
        delete_version_after: "0s",
        max_versions: 2,
        oldest_version: 2,
        versions: { "2": { deletion_time: "", destroyed: false }, "3": {} },
      });
      expectNothing(await vault.root("DELETE", "kv2/metadata/few"));
      expectRefusal(await vault.root("GET", "kv2/metadata/few"), 404);
      expectRefusal(await vault.root("GET", "kv2/data/few"), 404);
    });

    test("checks and sets", async () => {
      const cas = (version: number) => ({ data: { k: "1" }, options: { cas: version } });
      expect((await vault.root("POST", "kv2/data/cas", cas(0))).status).toBe(200);
      const error = "check-and-set parameter did not match the current version";
      expectRefusal(await vault.root("POST", "kv2/data/cas", cas(7)), 400, error);
    });

    test("serves an empty secret", async () => {
      await write("empty", {});
      expectAnswer(await vault.root("GET", "kv2/data/empty"), secret({}, stamp(1)));
    });

    test("lists", async () => {
      await write("listed/a", {});
      await write("listed/b/c", {});
      const expected = answered({ mount_type: "kv", data: { keys: ["a", "b/"] } });
      expectAnswer(await vault.root("GET", "kv2/metadata/listed?list=true"), expected);
      expectAnswer(await vault.root("GET", "kv2/metadata/listed/?list=true"), expected);
      expectRefusal(await vault.root("GET", "kv2/metadata/nothing?list=true"), 404);
    });

    test.each([
      ["GET", "kv2/app", "get"],
      ["POST", "kv2/app", "put"],
      ["PATCH", "kv2/app", "patch"],
      ["DELETE", "kv2/nope/app", "delete"],
      ["GET", "kv2/config?list=true", "list"],
      ["GET", "kv2?list=true", "list"],
    ])("%s %s points to the right path", async (method, path, verb) => {
      const warning = `Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use. If using the Vault CLI, use 'vault kv ${verb}' for this operation.`;
      const body = method === "POST" ? { data: {} } : undefined;
      const response = await (method === "PATCH" ? vault.patch(path, {}) : vault.root(method, path, body));
      expectAnswer(response, answered({ warnings: [warning] }, 404));
    });

    test("its roots are only listed", async () => {
      const warning = "Non-listing operations on the root of a K/V v2 mount are not supported.";
      for (const path of ["kv2/data", "kv2/metadata"]) {
        expectAnswer(await vault.root("GET", path), answered({ warnings: [warning] }, 404));
      }
      expectAnswer(await vault.patch("kv2/data", {}), answered({ warnings: [warning] }, 404));
      expectRefusal(await vault.root("GET", "kv2/metadata/"), 404);
    });

    test("patches the newest version into a new one", async () => {
      await write("patched", { a: "1", record: { x: "1", list: [1, 2] }, kept: "k" });
      const patch = { a: null, record: { x: null, y: { gone: null, z: "1" } }, b: "2" };
      expectAnswer(
        await vault.patch("kv2/data/patched", { data: patch }),
        answered({ mount_type: "kv", data: stamp(2) }),
      );
      const merged = { b: "2", kept: "k", record: { list: [1, 2], y: { z: "1" } } };
      expectAnswer(await vault.root("GET", "kv2/data/patched"), secret(merged, stamp(2)));
      const { data } = (await vault.root("GET", "kv2/metadata/patched")).json!;
      expect(data).toMatchObject({ last_updated_by: { actor: "token", operation: "patch" }, current_version: 2 });
      const error = "check-and-set parameter did not match the current version";
      const stale = await vault.patch("kv2/data/patched", { data: {}, options: { cas: 1 } });
      expectRefusal(stale, 400, error);
    });

    test("patches nothing that is not there, deleted or destroyed", async () => {
      expect(await vault.patch("kv2/data/never", { data: {} })).toMatchObject({ status: 404, text: "" });
      expect(await vault.patch("kv2/metadata/never", {})).toMatchObject({ status: 404, text: "" });
      await write("unpatched", { k: "1" });
      await vault.must("DELETE", "kv2/data/unpatched");
      const deleted = stamp(1, { deletion_time: aTime });
      expectAnswer(await vault.patch("kv2/data/unpatched", { data: {} }), answered({ data: deleted }, 404));
      await vault.must("PUT", "kv2/destroy/unpatched", { versions: [1] });
      const destroyed = { ...deleted, destroyed: true };
      expectAnswer(await vault.patch("kv2/data/unpatched", { data: {} }), answered({ data: destroyed }, 404));
    });

    test("patches metadata, where null is what it was at first", async () => {
      await write("noted", { k: "1" });
      const noted = async () => (await vault.root("GET", "kv2/metadata/noted")).json!.data;
      expectNothing(await vault.patch("kv2/metadata/noted", { custom_metadata: { a: "1", b: "2" }, max_versions: 7 }));
      expectNothing(await vault.patch("kv2/metadata/noted", { custom_metadata: { a: null, c: "3" } }));
      expect(await noted()).toMatchObject({ custom_metadata: { b: "2", c: "3" }, max_versions: 7 });
      expectNothing(await vault.patch("kv2/metadata/noted", { custom_metadata: null, cas_required: true }));
      expect(await noted()).toMatchObject({ custom_metadata: null, max_versions: 7, cas_required: true });
      expectNothing(await vault.patch("kv2/metadata/noted", { max_versions: null }));
      expect(await noted()).toMatchObject({ max_versions: 0, cas_required: true });
    });

    test.each(["kv2/config", "kv2/delete/x"])("takes no patch at %s", async (path) => {
      expectRefusal(await vault.patch(path, {}), 405, "1 error occurred:\n\t* unsupported operation\n\n");
    });

    test("a write needs the capability that fits", async () => {
      await write("capable", { k: "1" });
      const may = async (capability: string) => {
        const policy = `path "kv2/data/capable" { capabilities = ["${capability}"] }`;
        await vault.must("PUT", "sys/policies/acl/capable", { policy });
        const { client_token: token } = await vault.token({ policies: ["capable"] });
        const patched = await vault.patch("kv2/data/capable", { data: {} }, token);
        const written = await vault.ask("POST", "kv2/data/capable", { token, body: { data: {} } });
        return [patched.status, written.status];
      };
      expect(await may("patch")).toEqual([200, 403]);
      expect(await may("update")).toEqual([403, 200]);
    });

    test("refuses a write without data, and a destruction of nothing", async () => {
      expectRefusal(await vault.root("POST", "kv2/data/x", { k: "1" }), 400, "no data provided");
      expectRefusal(await vault.patch("kv2/data/x", { k: "1" }), 400, "no data provided");
      const noMap = (name: string) => `error converting input for field "${name}": '' expected a map, got 'string'`;
      expectRefusal(await vault.root("POST", "kv2/data/x", { data: "1" }), 400, noMap("data"));
      expectRefusal(await vault.root("POST", "kv2/data/x", { data: {}, options: "1" }), 400, noMap("options"));
      const patched = await vault.patch("kv2/data/x", { data: "1" });
      expectRefusal(patched, 400, `Field validation failed: ${noMap("data")}`);
      expectRefusal(await vault.root("POST", "kv2/destroy/x", {}), 400, "no version number provided");
    });
  });
};
