import fc from "fast-check";
import { expect, test } from "vitest";
import { prefixOf, readOrigin } from "./origin.js";

test.each([
  ["https://vault.example:8200", "https://vault.example:8200"],
  ["HTTPS://Vault.Example:8200/", "https://vault.example:8200"],
  ["https://vault.example:443", "https://vault.example"],
  ["http://vault.example:80", "http://vault.example"],
  ["http://vault.example:", "http://vault.example"],
  ["https://vault.example.:8200", "https://vault.example:8200"],
  ["https://bücher.example", "https://xn--bcher-kva.example"],
  ["http://127.0.0.1:8200", "http://127.0.0.1:8200"],
  ["http://2130706433:8200", "http://127.0.0.1:8200"],
  ["http://0177.0.0.1:8200", "http://127.0.0.1:8200"],
  ["http://0x7f.1:8200", "http://127.0.0.1:8200"],
  ["http://[0:0:0:0:0:0:0:1]:8200", "http://[::1]:8200"],
  ["http://[::FFFF:127.0.0.1]:8200", "http://[::ffff:7f00:1]:8200"],
  ["https://proxy.example/vault", "https://proxy.example/vault"],
  ["HTTPS://Proxy.Example:443/Vault/", "https://proxy.example/Vault"],
  ["http://[::1]:8200/a.b/c_d~e-f", "http://[::1]:8200/a.b/c_d~e-f"],
  ["https://gateway.example/v1/vault", "https://gateway.example/v1/vault"],
  ["https:///vault.example/vault", "https://vault.example/vault"],
  ["unix:///run/vault.sock", "unix:///run/vault.sock"],
  ["unix:////run//./vault.sock", "unix:///run/vault.sock"],
])("reads %s as %s", (address, origin) => {
  expect(readOrigin(address)).toEqual({ origin });
});

test.each([
  ["vault.example:8200", "must start with"],
  ["//vault.example", "must start with"],
  ["ftp://vault.example", "must start with"],
  ["", "must start with"],
  ["https:\\\\vault.example", "backslash"],
  [" https://vault.example", "space"],
  ["https://vault.example\n", "space"],
  ["https://vault\u0000.example", "control character"],
  ["https://vault.example\ud800", "control character"],
  ["https://user:s3cret@vault.example", "user name"],
  ["https://vault.example@attacker.example", "user name"],
  ["https://vault.example/v1", "ends with /v1"],
  ["https://vault.example/vault/v1/", "ends with /v1"],
  ["https://vault.example/ui/", "ends with /ui"],
  ["https://vault.example//", "empty step"],
  ["https://vault.example/vault//", "empty step"],
  ["https://vault.example/a//b", "empty step"],
  ["https://vault.example/a/../b", "not plain"],
  ["https://vault.example/.", "not plain"],
  ["https://vault.example/a/..", "not plain"],
  ["https://vault.example/a/%2e%2e/b", "not plain"],
  ["https://vault.example/v%61ult", "not plain"],
  ["https://vault.example/tresör", "not plain"],
  ["https://vault.example/a;b", "not plain"],
  ["https:////vault.example/%2e", "not plain"],
  ["https://vault.example/vault?x", "query"],
  ["https://vault.example?x", "query"],
  ["https://vault.example#x", "fragment"],
  ["https://", "not a valid address"],
  ["https://vault.example:99999", "not a valid address"],
  ["https://[::1", "not a valid address"],
  ["unix://run/vault.sock", "absolute"],
  ["unix:///run/../vault.sock", "write the path out"],
  ["unix:///run/", "directory"],
  [`unix:///${"x".repeat(107)}`, "longer than"],
])("refuses %j", (address, mistake) => {
  const reading = readOrigin(address);
  expect(reading).toEqual({ mistake: expect.stringContaining(mistake) as string });
  expect(JSON.stringify(reading)).not.toContain("s3cret");
});

test.each([
  ["https://vault.example:8200", ""],
  ["https://proxy.example/eu/vault", "/eu/vault"],
  ["unix:///run/vault.sock", ""],
])("requests to %s are prefixed with %j", (origin, prefix) => {
  expect(prefixOf(origin)).toBe(prefix);
});

test("an origin reads as itself, and is its URL's with the prefix", () => {
  const address = fc.oneof(
    fc.webUrl({ withQueryParameters: true }),
    fc.string().map((rest) => `https://${rest}`),
    fc.string().map((rest) => `unix:///${rest}`),
    fc.ipV6().map((ip) => `http://[${ip}]:8200`),
    fc.array(fc.string(), { maxLength: 3 }).map((steps) => `https://vault.example/${steps.join("/")}`),
  );
  fc.assert(
    fc.property(address, (written) => {
      const reading = readOrigin(written);
      if ("mistake" in reading) return;
      const { origin } = reading;
      expect(readOrigin(origin)).toEqual(reading);
      if (!origin.startsWith("unix:")) expect(`${new URL(origin).origin}${prefixOf(origin)}`).toBe(origin);
    }),
  );
});
