import { X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { aNumber, expectAnswer, expectRefusal, secondsLeft } from "./ask.js";
import type { Suite, ContractContext } from "./suite.js";

const aCertificate = expect.stringMatching(
  /^-----BEGIN CERTIFICATE-----\n[\s\S]+\n-----END CERTIFICATE-----$/,
) as string;
const aKey = expect.stringMatching(
  /^-----BEGIN RSA PRIVATE KEY-----\n[\s\S]+\n-----END RSA PRIVATE KEY-----$/,
) as string;
const colons = expect.stringMatching(/^[0-9a-f]{2}(:[0-9a-f]{2})+$/) as string;

export const pki: Suite = (context, { answered, certificate }) => {
  describe("pki", () => {
    let vault: ContractContext;
    let root: X509Certificate;
    const issue = (body: unknown, role = "app") => vault.root("PUT", `pki/issue/${role}`, body);
    beforeAll(async () => {
      vault = context();
      await vault.must("POST", "sys/mounts/pki", { type: "pki", config: { max_lease_ttl: "87600h" } });
      const options = { common_name: "example root", ttl: "87600h" };
      const made = await vault.must("POST", "pki/root/generate/internal", options);
      root = new X509Certificate(made.json!.data["certificate"] as string);
      const role = { allowed_domains: ["example.com"], allow_subdomains: true, ttl: "24h", max_ttl: "72h" };
      await vault.must("POST", "pki/roles/app", role);
      await vault.must("POST", "pki/roles/leased", { ...role, generate_lease: true });
    });

    const issued = {
      ...certificate.issued,
      ca_chain: [aCertificate],
      certificate: aCertificate,
      expiration: aNumber,
      issuing_ca: aCertificate,
      private_key: aKey,
      private_key_type: "rsa",
      serial_number: colons,
    };

    test("issues a certificate that its root vouches for, for its names and its time", async () => {
      const options = { common_name: "a.example.com", alt_names: "b.example.com", ip_sans: "127.0.0.1", ttl: "1h" };
      const response = await issue(options);
      expectAnswer(response, answered({ mount_type: "pki", data: issued }));

      const leaf = new X509Certificate(response.json!.data["certificate"] as string);
      expect(leaf.verify(root.publicKey)).toBe(true);
      expect(leaf.checkIssued(root)).toBe(true);
      expect(leaf.subject).toBe("CN=a.example.com");
      expect(leaf.subjectAltName).toBe("DNS:a.example.com, DNS:b.example.com, IP Address:127.0.0.1");
      const life = (Date.parse(leaf.validTo) - Date.parse(leaf.validFrom)) / 1_000;
      expect(life).toBeGreaterThanOrEqual(3_600);
      expect(life).toBeLessThanOrEqual(3_632);
      expect(Date.parse(leaf.validTo) / 1_000).toBe(response.json!.data["expiration"]);
      expect(leaf.serialNumber.toLowerCase()).toBe(
        (response.json!.data["serial_number"] as string).replaceAll(":", ""),
      );
    });

    test("makes a key of its own for each", async () => {
      const [one, two] = [await issue({ common_name: "a.example.com" }), await issue({ common_name: "a.example.com" })];
      expect(one.json!.data["private_key"]).not.toBe(two.json!.data["private_key"]);
    });

    test("cuts a life that is too long", async () => {
      const response = await issue({ common_name: "a.example.com", ttl: "1000h" });
      const warning = 'TTL "1000h0m0s" is longer than permitted maxTTL "72h0m0s", so maxTTL is being used';
      expectAnswer(
        response,
        answered({
          mount_type: "pki",
          data: issued,
          warnings: Array.from({ length: certificate.warningsOfCut }, () => warning),
        }),
      );
    });

    test("leases where the role says so, not to be renewed", async () => {
      const response = await issue({ common_name: "a.example.com" }, "leased");
      const lease = {
        lease_id: expect.stringMatching(/^pki\/issue\/leased\/[A-Za-z0-9]{24}$/) as string,
        lease_duration: secondsLeft(86_400),
      };
      expectAnswer(response, answered({ mount_type: "pki", data: issued, ...lease }));
      const renewal = await vault.root("PUT", "sys/leases/renew", { lease_id: response.json!.lease_id });
      expectRefusal(renewal, 400, "lease is not renewable");
    });

    test.each([
      ["a foreign name", { common_name: "evil.org" }, "common name evil.org not allowed by this role"],
      ["a bare domain", { common_name: "example.com" }, "common name example.com not allowed by this role"],
      [
        "a foreign alternate name",
        { common_name: "a.example.com", alt_names: "evil.org" },
        "subject alternate name evil.org not allowed by this role",
      ],
      [
        "no name",
        {},
        'the common_name field is required, or must be provided in a CSR with "use_csr_common_name" set to true, unless "require_cn" is set to false',
      ],
      [
        "an address that is none",
        { common_name: "a.example.com", ip_sans: "zz" },
        'the value "zz" is not a valid IP address',
      ],
    ])("refuses %s", async (_, options, error) => {
      expectRefusal(await issue(options), 400, error);
    });

    test("refuses an unknown role, and to be read", async () => {
      expectRefusal(await issue({ common_name: "a.example.com" }, "nope"), 400, "unknown role: nope");
      const error = "1 error occurred:\n\t* unsupported operation\n\n";
      expectRefusal(await vault.root("GET", "pki/issue/app"), 405, error);
    });

    test("shows its root to anyone, as JSON and as it is", async () => {
      const data = {
        ...certificate.read,
        certificate: aCertificate,
        revocation_time: 0,
        revocation_time_rfc3339: "",
      };
      expectAnswer(await vault.ask("GET", "pki/cert/ca"), answered({ data }));
      const raw = await vault.ask("GET", "pki/ca/pem");
      expect(raw.headers["content-type"]).toBe("application/pem-certificate-chain");
      expect(raw.text.trim()).toBe(root.toString().trim());
    });

    test("revokes, and remembers it", async () => {
      const { serial_number } = (await issue({ common_name: "a.example.com" })).json!.data;
      const revoked = (await vault.root("POST", "pki/revoke", { serial_number })).json!.data;
      expect(revoked).toMatchObject({ state: "revoked", revocation_time: aNumber });
      const { revocation_time } = (await vault.root("GET", `pki/cert/${String(serial_number)}`)).json!.data;
      expect(revocation_time).toBe(revoked["revocation_time"]);
      expectRefusal(await vault.root("GET", "pki/cert/11-22"), 404);
    });

    test("issues nothing before it has a root", async () => {
      await vault.must("POST", "sys/mounts/pki-bare", { type: "pki" });
      await vault.must("POST", "pki-bare/roles/app", { allowed_domains: ["example.com"], allow_subdomains: true });
      const error =
        "1 error occurred:\n\t* could not fetch the CA certificate (was one set?): no default issuer currently configured\n\n";
      const response = await vault.root("PUT", "pki-bare/issue/app", { common_name: "a.example.com" });
      expectRefusal(response, 500, error);
      expect(await vault.ask("GET", "pki-bare/ca/pem")).toMatchObject({ status: 204, text: "" });
    });
  });
};
