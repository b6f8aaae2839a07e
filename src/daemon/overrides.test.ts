import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { startReadyVault } from "../../dev/testing/ready-vault.js";
import { filesIn, startProvider, webPod } from "../../dev/testing/start-provider.js";

const objects = "- {objectName: app, secretPath: kv/data/app, secretKey: password}";

/** A server that must not get any request. */
async function canaryServer(): Promise<{ origin: string; contacts: () => number }> {
  let contacts = 0;
  const server: Server = createServer((_request, response) => response.end("{}"));
  server.on("connection", () => (contacts += 1));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, contacts: () => contacts };
}

describe("a pod author's volumeAttributes overrule the class, and never the operator", () => {
  test.each(["vaultAddress", "baoAddress", "openbaoAddress"])("%s leads nowhere that is not listed", async (name) => {
    const { origin, contacts } = await canaryServer();
    const provider = await startProvider();
    const outcome = await provider.mount({ objects }, { volumeAttributes: { [name]: origin } });
    expect(outcome).toMatchObject({
      ok: false,
      code: "PERMISSION_DENIED",
      message: expect.stringContaining("aliases") as string,
    });
    expect(contacts()).toBe(0);
    expect(provider.vault.vault.log.to(/login/)).toEqual([]);
  });

  test.each([
    ["vaultSkipTLSVerify", "true"],
    ["vaultCACertPath", "/etc/passwd"],
    ["vaultCADirectory", "/etc"],
    ["vaultTLSClientCertPath", "/etc/passwd"],
    ["vaultTLSClientKeyPath", "/etc/shadow"],
    ["vaultTLSServerName", "evil.example"],
  ])("%s changes nothing, and is reported once", async (name, value) => {
    const provider = await startProvider();
    for (let mount = 0; mount < 2; mount += 1) {
      expect(filesIn(await provider.mount({ objects }, { volumeAttributes: { [name]: value } }))).toEqual({
        app: "hunter2",
      });
    }
    expect(provider.logText().split("class parameters ignored").length - 1).toBe(1);
  });

  test.each([
    ["roleName", "admin", /role/],
    ["vaultNamespace", "other", /namespace/],
    ["vaultAuthMountPath", "other", /auth mount/],
    ["audience", "other", /audience/],
    ["objects", "- {objectName: a, secretPath: kv/data/other}", /path/],
    ["objects", "- {objectName: a, secretPath: kv/data/app, method: DELETE}", /method/],
    ["objects", "- {objectName: a, secretPath: sys/mounts}", /path/],
    ["objects", "- {objectName: a, secretPath: auth/token/create, method: POST}", /path/],
    ["objects", "- {objectName: a, secretPath: team/sys/mounts}", /path/],
  ])("%s=%s stays within policy", async (name, value, refused) => {
    const provider = await startProvider({ file: policyFile(), argv: [] });
    const outcome = await provider.mount({ objects }, { volumeAttributes: { [name]: value } });
    expect(outcome).toMatchObject({
      ok: false,
      code: "PERMISSION_DENIED",
      message: expect.stringMatching(refused) as string,
    });
    expect(provider.vault.vault.log.to(/login/)).toEqual([]);
  });
});

test("two tenants with one templated rule cannot ask for each other's paths", async () => {
  const vault = await startReadyVault();
  onTestFinished(() => vault.stop());
  await vault.admin.write("auth/kubernetes/role/web", {
    bound_service_account_names: ["web"],
    bound_service_account_namespaces: ["*"],
    audience: "vault",
    token_policies: ["web"],
  });
  for (const tenant of ["red", "blue"]) await vault.admin.putSecret(`${tenant}/db`, { password: tenant });
  const file = `connections: {default: {addresses: ["${vault.address}"], policy: {paths: ["kv/data/{{namespace}}/*"]}}}`;
  const provider = await startProvider({ vault, file, argv: [] });
  const ask = async (tenant: string, path: string) => {
    const token = vault.mint({ namespace: tenant, pod: { name: "web-0", uid: `uid-${tenant}` } });
    return filesIn(
      await provider.mount(
        { objects: `- {objectName: db, secretPath: kv/data/${path}/db, secretKey: password}` },
        {
          pod: { ...webPod, namespace: tenant, uid: `uid-${tenant}` },
          tokens: { vault: { token, expirationTimestamp: "2100-01-01T00:00:00Z" } },
        },
      ),
    );
  };
  expect(await ask("red", "red")).toEqual({ db: "red" });
  expect(await ask("blue", "blue")).toEqual({ db: "blue" });
  expect(await ask("red", "blue")).toMatch(/PERMISSION_DENIED: .*connections\.default\.policy\.paths/);
  expect(await ask("blue", "red")).toMatch(/PERMISSION_DENIED/);
});

/** A policy of one role and one path, in front of an address without a listener: a Mount that passes the policy fails differently. */
function policyFile(): string {
  return `
connections:
  default:
    addresses: ["http://127.0.0.1:9"]
    policy: {roles: [web], vaultNamespaces: [""], authMounts: [kubernetes], audiences: [vault], paths: [kv/data/app, team/*, sys/mounts]}
`;
}
