import { expect, test } from "vitest";
import { proxyVariableFor } from "./proxied.js";

const vault = "https://vault.example:8200";
const HTTPS_PROXY = "http://proxy:3128";

test.each<[string, string, Record<string, string>, string | undefined]>([
  ["no variable", vault, {}, undefined],
  ["HTTPS_PROXY", vault, { HTTPS_PROXY }, "HTTPS_PROXY"],
  ["https_proxy", vault, { https_proxy: HTTPS_PROXY }, "https_proxy"],
  ["HTTPS_PROXY, for http", "http://vault.example", { HTTPS_PROXY }, undefined],
  ["HTTP_PROXY, for http", "http://vault.example", { HTTP_PROXY: HTTPS_PROXY }, "HTTP_PROXY"],
  ["HTTP_PROXY, for https", vault, { HTTP_PROXY: HTTPS_PROXY }, undefined],
  ["ALL_PROXY, which Go does not read", vault, { ALL_PROXY: HTTPS_PROXY }, undefined],
  ["an empty variable", vault, { HTTPS_PROXY: "" }, undefined],
  ["a socket", "unix:///run/vault.sock", { HTTPS_PROXY }, undefined],
  ["this machine", "https://localhost:8200", { HTTPS_PROXY }, undefined],
  ["this machine's address", "https://127.0.0.1:8200", { HTTPS_PROXY }, undefined],
  ["this machine's address of IPv6", "https://[::1]:8200", { HTTPS_PROXY }, undefined],
  ["Vault's own variable, also for this machine", "https://localhost", { VAULT_PROXY_ADDR: "x" }, "VAULT_PROXY_ADDR"],
  ["Vault's older variable", vault, { VAULT_HTTP_PROXY: "x", NO_PROXY: "*" }, "VAULT_HTTP_PROXY"],
  ["an exempt name", vault, { HTTPS_PROXY, NO_PROXY: "a, Vault.example" }, undefined],
  ["an exempt domain", vault, { HTTPS_PROXY, no_proxy: "example" }, undefined],
  ["an exempt domain with a dot", vault, { HTTPS_PROXY, NO_PROXY: ".example" }, undefined],
  [
    "a domain with a dot, which is not its own",
    "https://example",
    { HTTPS_PROXY, NO_PROXY: ".example" },
    "HTTPS_PROXY",
  ],
  ["a name that only ends alike", "https://myvault.example", { HTTPS_PROXY, NO_PROXY: "vault.example" }, "HTTPS_PROXY"],
  ["an exempt port", vault, { HTTPS_PROXY, NO_PROXY: "vault.example:8200" }, undefined],
  ["another port", vault, { HTTPS_PROXY, NO_PROXY: "vault.example:443" }, "HTTPS_PROXY"],
  ["all exempt", vault, { HTTPS_PROXY, NO_PROXY: "*" }, undefined],
  ["an exempt address", "https://10.1.2.3", { HTTPS_PROXY, NO_PROXY: "10.1.2.3" }, undefined],
  ["an exempt network", "https://10.1.2.3", { HTTPS_PROXY, NO_PROXY: "10.0.0.0/8" }, undefined],
  ["another network", "https://11.1.2.3", { HTTPS_PROXY, NO_PROXY: "10.0.0.0/8,x/8,10.0.0.0/99" }, "HTTPS_PROXY"],
  ["an exempt network of IPv6", "https://[fd00::1]:8200", { HTTPS_PROXY, NO_PROXY: "fd00::/8" }, undefined],
  ["an exempt address of IPv6", "https://[fd00::1]:8200", { HTTPS_PROXY, NO_PROXY: "fd00::1" }, undefined],
])("%s", (_, origin, env, variable) => {
  expect(proxyVariableFor(origin, env)).toBe(variable);
});
