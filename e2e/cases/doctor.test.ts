import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { stringify } from "yaml";
import type { Report } from "../../src/doctor/check-runner.js";
import { createKeymountAccount } from "../stack/keymount-account.js";
import { KubeApi } from "../stack/kube-api.js";
import { inPod } from "../stack/pod-view.js";
import { runProgram } from "../stack/running-program.js";
import { createFixture } from "../stack/fixture.js";
import { servers } from "../stack/server.js";

const { kubernetes } = inject("stack");
const kube = new KubeApi(kubernetes);
const mayAskAll = await createKeymountAccount(kube, [
  { apiGroups: [""], resources: ["serviceaccounts/token"], verbs: ["create"] },
  { apiGroups: ["storage.k8s.io"], resources: ["csidrivers"], verbs: ["get"] },
  { apiGroups: ["secrets-store.csi.x-k8s.io"], resources: ["secretproviderclasses"], verbs: ["get"] },
]);
const mayAskNothing = await createKeymountAccount(kube, []);

/** The auth methods of other kinds that there are, and whether those for people are; the embedded server has few. */
const methods = {
  Vault: ["alicloud", "approle", "aws", "azure", "cert", "cf", "gcp", "github", "kerberos", "radius"],
  OpenBao: ["approle"],
};

describe.each(servers)("%s", async (product, start) => {
  const { stack } = await start();
  const isVault = product === "Vault";
  const { node, app, signal } = await createFixture("doctor", { driver: "1.6.0" }, stack);
  await app.vault.writeSecret(`${app.namespace}/db`, { password: "canary-hunter2", username: "app" });
  const folder = await mkdtemp(join(stack.directory, "doctor-"));

  /** Classes of these tests name auth mounts of their own. */
  const config = join(folder, "keymount.yaml");
  const connection = { addresses: [stack.vault.address], policy: { authMounts: ["*"] } };
  await writeFile(config, stringify({ connections: { default: connection } }));

  const bundle = join(import.meta.dirname, "..", "..", "dist", "keymount.js");
  const password = { objectName: "password", secretPath: `secret/data/${app.namespace}/db`, secretKey: "password" };

  /** Doctor as an operator calls it beside the running provider, in a pod of that service account or outside. */
  async function doctor(
    argv: readonly string[],
    account?: typeof mayAskAll,
  ): Promise<{ end: string; reports: Report[] }> {
    const commandLine = [
      process.execPath,
      bundle,
      "doctor",
      "--json",
      `--endpoint=${node.provider().socket}`,
      `--config=${config}`,
      `--key-file=${stack.keyFile}`,
      ...argv,
    ] as const;
    const [command, ...args] = commandLine;
    const pod = account && (await inPod(stack.kubernetes, account, folder, commandLine));
    const log = join(await mkdtemp(join(folder, "run-")), "out");
    const end = await runProgram({ name: "doctor", command, args, log, ...pod }).ended;
    const text = await readFile(log, "utf8");
    expect(text).not.toContain("canary");
    return { end, reports: (JSON.parse(text) as { steps: Report[] }).steps };
  }

  function broken(reports: readonly Report[]): string[] {
    return reports.flatMap((report) => (report.result === "broken" ? [`${report.problem}: ${report.what}`] : []));
  }

  async function classFile(parameters: Readonly<Record<string, unknown>>): Promise<string> {
    const file = join(await mkdtemp(join(folder, "class-")), "class.yaml");
    const texts = { roleName: app.namespace, objects: stringify([password]), ...parameters };
    const metadata = { name: "db", namespace: app.namespace };
    await writeFile(
      file,
      stringify({ kind: "SecretProviderClass", metadata, spec: { provider: "vault", parameters: texts } }),
    );
    return file;
  }

  async function tokenFile(audience = "vault"): Promise<string> {
    const { token } = await kube.token({ namespace: app.namespace, name: app.serviceAccount }, { audience });
    const file = join(await mkdtemp(join(folder, "token-")), "token");
    await writeFile(file, token);
    return file;
  }

  test("in keymount's pod, with rights for it: the class and a token come from the API server, and nothing is broken", async () => {
    const className = await app.createClass({ objects: [password] });

    const asked = ["--class", `${app.namespace}/${className}`, "--service-account", app.serviceAccount];
    const { end, reports } = await doctor(asked, mayAskAll);

    expect(broken(reports)).toEqual([]);
    expect(end).toMatch(/with 0$/);
    expect(reports.filter(({ result }) => result === "passed").map(({ step }) => step)).toEqual(
      expect.arrayContaining([
        "socket",
        "class",
        "driver",
        "vault",
        "auth",
        "role",
        "token",
        "login",
        "object",
        "logout",
      ]),
    );
  });

  test("without rights, it says what to type instead", async () => {
    const { reports } = await doctor(["--class", `${app.namespace}/db`], mayAskNothing);

    expect(reports.find(({ step }) => step === "driver")).toMatchObject({
      result: "skipped",
      because: expect.stringMatching(/\(403\).*kubectl get csidriver secrets-store.csi.k8s.io/) as string,
    });
    expect(reports.find(({ step }) => step === "class")).toMatchObject({
      result: "skipped",
      because: expect.stringMatching(/\(403\).*kubectl get secretproviderclass db/) as string,
    });
  });

  test("a pod's mounts go on as before while it looks", async () => {
    const volume = await app.volume(node, { objects: [password] });
    await volume.publish(signal);
    await doctor(["-f", await classFile({}), "--token-file", await tokenFile()]);
    await volume.publish(signal);

    expect(await volume.texts()).toEqual({ password: "canary-hunter2" });
  });

  describe("what it answers is understood:", async () => {
    const role = `${app.namespace}-others`;
    const others = { namespaces: ["another"], serviceAccounts: ["*"], policies: ["default"], audience: "vault" };
    await app.vault.writeRole(role, others);
    for (const type of [...methods[product], "jwt", "kubernetes", ...(isVault ? ["userpass"] : [])]) {
      await app.vault.request("POST", `sys/auth/${app.namespace}-${type}`, { type });
    }
    await app.vault.request("POST", `auth/${app.namespace}-kubernetes/role/${app.namespace}`, {
      bound_service_account_names: "*",
      bound_service_account_namespaces: "*",
    });
    await app.vault.request("POST", `sys/auth/${app.namespace}-issuer`, { type: "kubernetes" });
    await app.vault.request("POST", `auth/${app.namespace}-issuer/config`, {
      kubernetes_host: kubernetes.server,
      kubernetes_ca_cert: kubernetes.ca,
      disable_local_ca_jwt: true,
      issuer: "https://another.example",
      disable_iss_validation: false,
    });
    await app.vault.request("POST", `auth/${app.namespace}-issuer/role/${app.namespace}`, {
      bound_service_account_names: "*",
      bound_service_account_namespaces: "*",
    });
    const at = (type: string) => ({ vaultAuthMountPath: `${app.namespace}-${type}` });
    const object = (change: object) => ({ objects: stringify([{ ...password, ...change }]) });

    const ofVaultAlone: [string, Record<string, unknown>, RegExp][] = [
      ["an auth method for people", at("userpass"), /^auth.absent: /],
      [
        "another issuer",
        at("issuer"),
        /^login.issuer: .*\(iss\).*; the token's issuer is "https:\/\/kubernetes.default.svc/,
      ],
    ];

    test.each<[string, Record<string, unknown>, RegExp]>([
      ...(isVault ? ofVaultAlone : []),
      ["no auth mount", { vaultAuthMountPath: "nowhere" }, /^auth.absent: /],
      ...methods[product].map((type): [string, Record<string, unknown>, RegExp] => [
        `an auth mount of ${type}`,
        at(type),
        new RegExp(`^auth.other-method: .*: it is ${type}$`),
      ]),
      ["a jwt mount without configuration", at("jwt"), /^auth.unconfigured: /],
      ["a kubernetes mount without configuration", at("kubernetes"), /^auth.unconfigured: /],
      ["no role", { roleName: "nobody" }, /^role.absent: .*"nobody"/],
      ["a role for others", { roleName: role }, /^login.denied: .*bound_service_account_namespaces/],
      ["a path that policy denies", object({ secretPath: "secret/data/other/db" }), /^object.denied: /],
      ["a secret that is not there", object({ secretPath: `secret/data/${app.namespace}/none` }), /^object.absent: /],
      ["a key that is not there", object({ secretKey: "pasword" }), /^object.value: .*\(it has: password, username\)/],
    ])("%s", async (_what, parameters, expected) => {
      const { end, reports } = await doctor(["-f", await classFile(parameters), "--token-file", await tokenFile()]);

      expect(broken(reports)).toEqual([expect.stringMatching(expected)]);
      expect(end).toMatch(/with 1$/);
    });

    test("a token for another audience than the role takes", async () => {
      const { reports } = await doctor([
        "-f",
        await classFile({ audience: "shop" }),
        "--token-file",
        await tokenFile("shop"),
      ]);

      expect(broken(reports)).toEqual([expect.stringMatching(/^login.denied: .*audience/)]);
    });
  });
});
