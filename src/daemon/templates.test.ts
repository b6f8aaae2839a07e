import { beforeAll, describe, expect, test } from "vitest";
import { builtWorker } from "../../dev/testing/built-worker.js";
import { makeIdentity } from "../../dev/testing/certificates.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { filesIn, startProvider } from "../../dev/testing/start-provider.js";
import { withDatabase } from "../../dev/testing/with-database.js";

beforeAll(() => builtWorker());

const pgpass = `
- objectName: pgpass
  secretPath: database/creds/app
  sources: {app: {secretPath: kv/data/app}}
  template: "{{ app.password }}:{{ username }}:{{ password | pgpass_escape }}"
- {objectName: user, secretPath: database/creds/app, secretKey: username}
`;

async function provider(setting: Parameters<typeof startProvider>[0] = {}) {
  const started = await startProvider(setting);
  await withDatabase(started.vault);
  const allow = ["database/*", "kv/data/*"].map((path) => `path "${path}" { capabilities = ["read"] }`).join("\n");
  await started.vault.admin.write("sys/policies/acl/web", { policy: allow });
  const asked = () => started.vault.vault.log.all.map(({ method, path }) => `${method} ${path}`);
  return { ...started, asked };
}

describe("through the driver's socket", () => {
  test("a template over a login and a KV secret: one login, one read each, and none at a republish", async () => {
    const { asked, vault, ...started } = await provider();
    vault.vault.log.clear();
    const first = filesIn(await started.mount({ objects: pgpass })) as Record<string, string>;
    expect(
      asked()
        .filter((line) => !line.includes("sys/"))
        .sort(),
    ).toEqual(["GET database/creds/app", "GET kv/data/app", "POST auth/kubernetes/login"]);
    const [password, user] = first["pgpass"]!.split(":");
    expect({ password, user }).toEqual({ password: "hunter2", user: first["user"] });
    vault.vault.log.clear();
    expect(filesIn(await started.mount({ objects: pgpass }))).toEqual(first);
    expect(asked()).toEqual([]);
  });

  test("a secret that loses a variable leaves the old file, and says why", async () => {
    const clock = new FakeClock(Date.now());
    const { vault, ...started } = await provider({ clock });
    const first = filesIn(await started.mount({ objects: pgpass }));
    await vault.admin.putSecret("app", { other: "x" });
    await clock.advance(180_000);
    expect(filesIn(await started.mount({ objects: pgpass }))).toEqual(first);
    expect(started.logText()).toContain('there is no \\"app.password\\"');
  });

  test("a keystore has equal bytes at every republish", async () => {
    const { vault, ...started } = await provider();
    const { cert, key } = makeIdentity({ commonName: "web" });
    await vault.admin.putSecret("tls", { "tls.crt": cert, "tls.key": key, pass: "changeit" });
    const objects = "- {objectName: web.p12, secretPath: kv/data/tls, format: pkcs12, password: {secretKey: pass}}";
    const [one, two] = [await started.mount({ objects }), await started.mount({ objects })];
    if (!one.ok || !two.ok) throw new Error("not mounted");
    expect(one.files[0]!.contents.length).toBeGreaterThan(1_000);
    expect(two.files[0]!.contents).toEqual(one.files[0]!.contents);
    expect(two.versions).toEqual(one.versions);
    const { text } = await started.page("/metrics");
    expect(text, "once, for two Mounts").toContain(
      'keymount_worker_duration_seconds_count{kind="keystore",outcome="ok"} 1',
    );
  });

  test("the operator's policy refuses a source as it refuses a path", async () => {
    // Nothing is asked: the policy comes first.
    const file = 'connections: {main: {addresses: ["http://127.0.0.1:1"], policy: {paths: [kv/data/*]}}}\n';
    const started = await startProvider({ file, argv: [] });
    expect(filesIn(await started.mount({ objects: pgpass }))).toMatch(
      /^PERMISSION_DENIED: .*object "pgpass": path "database\/creds\/app"/,
    );
  });

  test("an error of a template names line and column, and no value", async () => {
    const started = await provider();
    const objects = '- {objectName: f, secretPath: kv/data/app, template: "a\\n{{ data[password] }}"}';
    expect(filesIn(await started.mount({ objects }))).toBe(
      'NOT_FOUND: f: the template, line 2, column 4: there is no "data[password]" (there is: data, password)',
    );
    expect(started.logText()).not.toContain("hunter2");
  });
});
