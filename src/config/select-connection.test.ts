import { expect, test } from "vitest";
import { sampleConnection } from "../../dev/testing/connection.js";
import type { Policy } from "./connection.js";
import type { OperatorConfig } from "./operator-config.js";
import { type ConnectionRequest, selectConnection } from "./select-connection.js";

const [policy] = sampleConnection().policy as [Policy];
const main = sampleConnection({
  name: "main",
  addresses: [{ origin: "https://vault-0.example:8200" }, { origin: "https://vault-1.example:8200" }],
  aliases: ["http://vault.vault:8200"],
});
const payments = sampleConnection({
  name: "payments",
  addresses: [{ origin: "unix:///run/vault.sock" }],
  policy: [{ ...policy, namespaces: ["pay-*"] }],
});
/** The same cluster as `main`, for tenants. */
const tenants = sampleConnection({
  name: "tenants",
  addresses: main.addresses,
  policy: [{ ...policy, namespaces: ["tenant-*"] }],
});
/** Two clusters behind one proxy. */
const eu = sampleConnection({ name: "eu", addresses: [{ origin: "https://proxy.example/eu" }] });
const us = sampleConnection({
  name: "us",
  addresses: [{ origin: "https://proxy.example/us" }],
  aliases: ["https://old.example/vault"],
});
const operator: OperatorConfig = {
  connections: [payments, main, tenants, eu, us],
  defaultConnection: main,
  classAddress: "refuse",
};

test.each<[string, ConnectionRequest, string, string]>([
  ["nothing: the default", {}, "shop", "main"],
  ["a name", { connection: "payments" }, "shop", "payments"],
  ["a name's own address", { connection: "main", address: "https://vault-1.example:8200" }, "shop", "main"],
  [
    "a name and an address that several list",
    { connection: "tenants", address: "https://vault-0.example:8200" },
    "shop",
    "tenants",
  ],
  ["an address", { address: "unix:///run/vault.sock" }, "shop", "payments"],
  ["an address by its path prefix", { address: "https://proxy.example/us/" }, "shop", "us"],
  ["an alias by its path prefix", { address: "https://old.example/vault" }, "shop", "us"],
  ["the second address, spelt otherwise", { address: "HTTPS://Vault-1.Example.:8200/" }, "shop", "main"],
  ["an alias", { address: "http://vault.vault:8200" }, "shop", "main"],
  ["an address of two connections, by namespace", { address: "https://vault-0.example:8200" }, "tenant-a", "main"],
])("%s", (_name, request, namespace, expected) => {
  expect(selectConnection(operator, request, namespace).name).toBe(expected);
});

test("of the connections that list an address, the one that is open to the namespace", () => {
  const closed = { ...main, policy: [{ ...policy, namespaces: ["shop"] }] };
  const shared: OperatorConfig = { ...operator, connections: [closed, tenants], defaultConnection: closed };
  const request = { address: "https://vault-0.example:8200" };
  expect(selectConnection(shared, request, "tenant-a").name).toBe("tenants");
  expect(selectConnection(shared, request, "shop").name).toBe("main");
  expect(selectConnection(shared, request, "nobody").name).toBe("main");
});

test.each<[string, ConnectionRequest, string, string]>([
  ["an unlisted address", { address: "https://attacker.example" }, "permission_denied", "connections.main.aliases"],
  ["cloud metadata", { address: "http://169.254.169.254" }, "permission_denied", "classAddress: use-default"],
  ["an unlisted socket", { address: "unix:///run/other.sock" }, "permission_denied", "unix:///run/other.sock"],
  ["a listed host on another port", { address: "https://vault-0.example" }, "permission_denied", "no connection"],
  [
    "a listed host before an @",
    { address: "https://vault-0.example:8200@attacker.example" },
    "invalid_request",
    "user name",
  ],
  ["no address at all", { address: "vault" }, "invalid_request", "must start with"],
  ["an unknown name", { connection: "prod" }, "invalid_request", "may use: main, tenants"],
  [
    "a name and another's address",
    { connection: "payments", address: "https://vault-0.example:8200" },
    "invalid_request",
    "connections.payments.aliases",
  ],
])("refuses %s", (_name, request, code, message) => {
  const select = () => selectConnection(operator, request, "tenant-a");
  expect(select).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(message) as string }) as Error,
  );
});

test("with use-default, an unlisted address goes to the default connection, and a listed one to its own", () => {
  const lenient: OperatorConfig = { ...operator, classAddress: "use-default" };
  const select = (address: string) => selectConnection(lenient, { address }, "shop").name;
  expect(["https://old.example:8200", "vault", "unix:///run/vault.sock"].map(select)).toEqual([
    "main",
    "main",
    "payments",
  ]);
});
