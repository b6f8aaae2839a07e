import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { afterAll, describe, expect, test } from "vitest";
import { createApplication } from "../../stack/application.js";
import { eventually } from "../../stack/eventually.js";
import { addresses } from "../stack/addresses.js";
import { installInstance, sharedConnection } from "../stack/keymount.js";
import { createFixture } from "../stack/fixture.js";

const { cluster, app, workloads, signal, atTheEnd } = await createFixture("tenants");
const neighbour = await createApplication(cluster, "neighbour");

/** A server that a pod's author would like to be sent the pod's token. The provider's pod can reach it. */
const visits: string[] = [];
const elsewhere = createServer((socket) => {
  visits.push(String(socket.remoteAddress));
  socket.destroy();
}).listen(0, addresses.node);
await once(elsewhere, "listening");
afterAll(() => elsewhere.close());
const foreign = `http://${addresses.node}:${(elsewhere.address() as AddressInfo).port}`;

const policy = {
  authMounts: ["kubernetes"],
  roles: ["{{namespace}}"],
  vaultNamespaces: [""],
  audiences: [],
  paths: ["secret/data/{{namespace}}/*"],
};
const config = { connections: { vault: { ...sharedConnection(cluster), audiences: ["vault"], policy } } };
atTheEnd(await installInstance(cluster, { name: "tenants", config }, signal));

await app.vault.writeSecret(`${app.namespace}/db`, { password: "ours" });
await app.vault.writeSecret(`${neighbour.namespace}/db`, { password: "the neighbour's" });
// Vault itself would let this service account read both: only keymount's rules stand between.
await app.vault.writePolicy(
  app.namespace,
  [app, neighbour].map(({ namespace }) => `path "secret/data/${namespace}/*" { capabilities = ["read"] }`).join("\n"),
);
const object = (secretPath: string) => ({ objectName: "password", secretPath, secretKey: "password" });
const ours = object(`secret/data/${app.namespace}/db`);
const roleName = app.namespace;
const secretProviderClass = await app.createClass({ roleName, objects: [ours] }, { provider: "tenants" });

const overrides: [string, Record<string, string>, RegExp][] = [
  ["another Vault's address", { vaultAddress: foreign }, /no connection lists vaultAddress/],
  ["a connection that is not there", { connection: "admin" }, /connection "admin" is not in the configuration file/],
  ["a role that is not the namespace's", { roleName: neighbour.namespace }, /role .*policy\.roles/s],
  [
    "the neighbour's path",
    { objects: JSON.stringify([object(`secret/data/${neighbour.namespace}/db`)]) },
    /policy\.paths/,
  ],
  [
    "the neighbour's path, from its own",
    { objects: JSON.stringify([object(`secret/data/${app.namespace}/../${neighbour.namespace}/db`)]) },
    /"\.\."|\.\./,
  ],
  [
    "the neighbour's path, encoded",
    { objects: JSON.stringify([object(`secret/data/${app.namespace}/%2e%2e/${neighbour.namespace}/db`)]) },
    /secretPath holds an encoded dot/,
  ],
  ["a path of Vault's own", { objects: JSON.stringify([object("sys/auth")]) }, /policy\.(paths|deniedPaths)/],
  ["an auth mount of another kind", { vaultAuthMountPath: "userpass" }, /auth mount "userpass".*policy\.authMounts/],
  ["a Vault namespace", { vaultNamespace: "admin" }, /Vault namespace "admin".*policy\.vaultNamespaces/],
  ["an audience of another provider", { audience: "shop" }, /audience "shop".*policy\.audiences/],
  ["a method that writes", { objects: JSON.stringify([{ ...ours, method: "DELETE" }]) }, /method/i],
];

describe("a pod's author who overrides the class by volumeAttributes", async () => {
  const pods = new Map<string, string>();
  for (const [what, attributes] of overrides) {
    pods.set(what, await workloads.createPod({ volumes: { secrets: { secretProviderClass, ...attributes } } }));
  }

  test.each(overrides)("cannot reach %s", async (what, _attributes, message) => {
    const pod = pods.get(what)!;
    await eventually(async () => {
      expect((await workloads.events(pod)).join("\n")).toMatch(message);
    }, signal);
    const [{ status } = { status: undefined }] = await workloads.pods(pod);
    expect(status?.phase).toBe("Pending");
  });

  test("has no byte sent to another server", () => {
    expect(visits).toEqual([]);
  });
});

test("the TLS settings of the configuration apply, even if the pod's author asks for others", async () => {
  const attributes = { vaultSkipTLSVerify: "true", vaultCACertPath: "/etc/shadow", vaultTLSServerName: "elsewhere" };
  const pod = await workloads.runPod({ volumes: { secrets: { secretProviderClass, ...attributes } } }, signal);
  expect(await pod.texts("secrets")).toEqual({ password: "ours" });
});
