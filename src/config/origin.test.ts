import fc from "fast-check";
import { expect, test } from "vitest";
import { readOrigin } from "./origin.js";

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
  ["https://vault.example/v1", "path"],
  ["https://vault.example//", "path"],
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

test("an origin reads as itself", () => {
  const address = fc.oneof(
    fc.webUrl({ withQueryParameters: true }),
    fc.string().map((rest) => `https://${rest}`),
    fc.string().map((rest) => `unix:///${rest}`),
    fc.ipV6().map((ip) => `http://[${ip}]:8200`),
  );
  fc.assert(
    fc.property(address, (written) => {
      const reading = readOrigin(written);
      if ("origin" in reading) expect(readOrigin(reading.origin)).toEqual(reading);
    }),
  );
});
