import { execFile } from "node:child_process";
import { readFile, realpath } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { createLeaseFixture } from "../stack/lease-fixture.js";
import { describeInFrontOfBoth } from "../stack/server.js";

const run = promisify(execFile);
const lifeSeconds = 12;
const publicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICeqhyBMKt29ftpLKCbS4ZxHO1aJOIaRRd28+IZvz0D/ deploy@shop";

describeInFrontOfBoth(async (product, server) => {
  const fixture = await createLeaseFixture(`ends-${product.toLowerCase()}`, { server, ttl: "1h", maxTtl: "24h" });
  const { app, node, signal, role, held, transit } = fixture;
  const { vault } = app;
  const ssh = `ssh-${app.namespace}`;

  beforeAll(async () => {
    await vault.request("POST", `sys/mounts/${ssh}`, { type: "ssh" });
    await vault.request("POST", `${ssh}/config/ca`, { generate_signing_key: true, key_type: "ed25519" });
    await vault.request("POST", `${ssh}/roles/app`, {
      key_type: "ca",
      allow_user_certificates: true,
      allowed_users: "deploy",
      default_user: "deploy",
      ttl: `${lifeSeconds}s`,
      not_before_duration: "1s",
    });
    await vault.request("POST", `${transit}/keys/app`);
    if (product === "Vault") {
      await vault.request("POST", `identity/oidc/key/${app.namespace}`, { allowed_client_ids: "*" });
      await vault.request("POST", `identity/oidc/role/${app.namespace}`, {
        key: app.namespace,
        ttl: `${lifeSeconds}s`,
      });
    }
    const policy = [
      `path "${ssh}/*" { capabilities = ["update"] }`,
      `path "identity/oidc/token/${app.namespace}" { capabilities = ["read"] }`,
      `path "secret/data/${app.namespace}/*" { capabilities = ["read"] }`,
      `path "${transit}/encrypt/app" { capabilities = ["update"] }`,
    ];
    await vault.writePolicy(role, policy.join("\n"));
    await vault.writeSecret(`${app.namespace}/token`, { token: "kept", ttl: 12, expires_in: 12 });
  });

  const issue = { secretPath: `${ssh}/issue/app`, method: "PUT", secretArgs: { key_type: "ed25519" } };

  /** What is issued without a lease: its objects, when the files say that it ends (Unix seconds), how Vault's audit log names it. */
  const cases = [
    {
      what: "an SSH certificate for a key of one's own",
      objects: [
        {
          objectName: "issued",
          secretPath: `${ssh}/sign/app`,
          method: "PUT",
          secretArgs: { public_key: publicKey },
          secretKey: "signed_key",
        },
      ],
      asked: `update ${ssh}/sign/app`,
      engine: "ssh",
      endOf: sshEnd,
    },
    {
      what: "an SSH key with its certificate",
      objects: [
        { objectName: "issued", ...issue, secretKey: "signed_key" },
        { objectName: "key", ...issue, secretKey: "private_key", filePermission: 0o400 },
      ],
      asked: `update ${ssh}/issue/app`,
      engine: "ssh",
      endOf: sshEnd,
    },
    {
      what: "an identity token, by GET",
      objects: [{ objectName: "issued", secretPath: `identity/oidc/token/${app.namespace}`, secretKey: "token" }],
      asked: `read identity/oidc/token/${app.namespace}`,
      engine: "identity",
      endOf: async (file: string) => {
        const [, payload = ""] = (await readFile(file, "utf8")).split(".");
        return (JSON.parse(Buffer.from(payload, "base64url").toString()) as { exp: number }).exp;
      },
    },
  ];

  describe.concurrent("issued without a lease", () => {
    // The embedded server neither makes keys nor has an identity engine.
    test.each(product === "Vault" ? cases : cases.slice(0, 1))(
      "$what is replaced at two thirds of its life, not earlier, and never found ended",
      async (one) => {
        const volume = await app.volume(node, { roleName: role, objects: one.objects });
        const seen = new Map<string, { at: number; end: number }>();
        const began = Date.now();
        while (Date.now() - began < 2.6 * lifeSeconds * 1000) {
          await volume.publish(signal);
          const file = join(await realpath(join(volume.folder, "..data")), "issued");
          const text = await readFile(file, "utf8");
          const end = seen.get(text)?.end ?? (await one.endOf(file));
          if (!seen.has(text)) seen.set(text, { at: Date.now(), end });
          expect(end).toBeGreaterThan(Date.now() / 1000);
          await sleep(500);
        }
        const issued = [...seen.values()];
        expect(issued.length).toBe(4);
        for (const [index, next] of issued.slice(1).entries()) {
          const former = issued[index]!;
          // By the ends that the issuer wrote, in whole seconds: a moment at which a test sees a file is as late as the machine is busy.
          expect(next.end - former.end).toBeGreaterThanOrEqual(Math.floor(((lifeSeconds - 1) * 2) / 3));
          expect(next.at - former.at).toBeLessThan(lifeSeconds * 1000);
        }
        const asked = (await server.asked(app.namespace)).filter(({ what }) => what === one.asked);
        expect(asked).toHaveLength(seen.size);
        const path = one.objects[0]!.secretPath;
        expect((await held()).filter((info) => info.path === path)).toEqual([
          expect.objectContaining({ kind: "issued", engine: one.engine, endsAt: expect.any(Number) as number }),
        ]);
      },
    );

    test("lifetime and refreshInterval replace what tells no end, and a KV secret of the same keys stays static", async () => {
      /** The ciphertext is another each time. */
      const encrypted = (objectName: string) => {
        const secretArgs = { plaintext: Buffer.from(objectName).toString("base64") };
        return { objectName, secretPath: `${transit}/encrypt/app`, method: "PUT", secretArgs, secretKey: "ciphertext" };
      };
      const kv = { secretPath: `secret/data/${app.namespace}/token`, secretKey: "token", refreshInterval: "1h" };
      const objects = [
        { ...encrypted("ends"), lifetime: "9s" },
        { ...encrypted("often"), refreshInterval: "3s" },
        encrypted("kept"),
        { objectName: "kv", ...kv },
      ];
      const volume = await app.volume(node, { roleName: role, objects });
      const seen = new Map(objects.map(({ objectName }) => [objectName, new Set<string>()]));
      const began = Date.now();
      // Its third value comes after 12 s, two thirds of its life each, and later where the machine is busy.
      while (Date.now() - began < 15_000 || (seen.get("ends")!.size < 3 && Date.now() - began < 30_000)) {
        await volume.publish(signal);
        const texts = await volume.texts();
        for (const [name, values] of seen) values.add(texts[name]!);
        await sleep(500);
      }
      const { often, ...others } = Object.fromEntries([...seen].map(([name, values]) => [name, values.size]));
      expect(others).toEqual({ ends: 3, kept: 1, kv: 1 });
      expect(often).toBeGreaterThanOrEqual(4);
      expect((await held()).filter(({ path }) => path.startsWith("secret/"))).toEqual([]);
    });
  });
});

async function sshEnd(file: string): Promise<number> {
  const { stdout } = await run("ssh-keygen", ["-L", "-f", file], { env: { ...process.env, TZ: "UTC" } });
  return Date.parse(`${/Valid: from \S+ to (\S+)/.exec(stdout)![1]!}Z`) / 1000;
}
