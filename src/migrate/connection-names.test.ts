import { expect, test } from "vitest";
import { connectionNames } from "./connection-names.js";

test.each<[string, Record<string, string>]>([
  ["a host's first label", { "https://vault.example:8200": "vault", "https://bao.example": "bao" }],
  ["more labels where one does not do", { "https://vault.a.example": "vault-a", "https://vault.b.example": "vault-b" }],
  ["the port where hosts are equal", { "https://vault:8200": "vault-8200", "https://vault:8201": "vault-8201" }],
  [
    "the scheme where ports are equal",
    { "http://vault:8200": "vault-8200-http", "https://vault:8200": "vault-8200-https" },
  ],
  [
    "the rest where one host is another's first label",
    { "https://vault": "vault-https", "https://vault.a": "vault-a" },
  ],
  ["a whole address", { "https://10.0.0.1:8200": "10-0-0-1", "https://[fd00::1]:8200": "fd00-1" }],
  [
    "the path prefix where hosts are equal",
    {
      "https://proxy.example:8200/eu": "proxy-example-8200-eu",
      "https://proxy.example:8200/us/a": "proxy-example-8200-us-a",
    },
  ],
  ["the host where there is a prefix", { "https://proxy.example/vault": "proxy" }],
  ["a socket's file", { "unix:///run/agent.sock": "agent" }],
])("an origin is named by %s", (_, names) => {
  expect(Object.fromEntries(connectionNames(Object.keys(names)))).toEqual(names);
});

test("names differ even where nothing tells origins apart, and stay short", () => {
  const long = "a".repeat(61);
  const names = [...connectionNames([`https://${long}1`, `https://${long}2`]).values()];
  expect(new Set(names).size).toBe(2);
  for (const name of names) expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/);
});
