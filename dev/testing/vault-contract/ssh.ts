import { createPublicKey, verify } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { sshValidity } from "../../../src/leases/ssh-certificate.js";
import { expectAnswer, expectRefusal } from "./ask.js";
import type { Suite, ContractContext } from "./suite.js";

const publicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICeqhyBMKt29ftpLKCbS4ZxHO1aJOIaRRd28+IZvz0D/ app@shop";
const caKey = { generate_signing_key: true, key_type: "ed25519" };
const aKey = expect.stringMatching(/^ssh-ed25519 [A-Za-z0-9+/]+=*\n$/) as string;
const aCertificate = expect.stringMatching(/^ssh-ed25519-cert-v01@openssh\.com [A-Za-z0-9+/]+=*\n$/) as string;

export const ssh: Suite = (context, { answered }) => {
  describe("ssh", () => {
    let vault: ContractContext;
    const sign = (body: object, role = "app") =>
      vault.root("PUT", `ssh/sign/${role}`, { public_key: publicKey, ...body });
    const done = (data: Record<string, unknown>) => answered({ mount_type: "ssh", data });
    beforeAll(async () => {
      vault = context();
      await vault.must("POST", "sys/mounts/ssh", { type: "ssh" });
      const users = { allowed_users: "deploy,backup", default_user: "deploy" };
      const role = { key_type: "ca", allow_user_certificates: true, ...users, ttl: "60s", max_ttl: "120s" };
      await vault.must("POST", "ssh/roles/app", role);
      expectRefusal(await vault.root("GET", "ssh/config/ca"), 400, "keys haven't been configured yet");
      const noKeys = "1 error occurred:\n\t* error creating signer: no keys configured\n\n";
      expectRefusal(await sign({}), 500, noKeys);
      expectAnswer(await vault.root("POST", "ssh/config/ca", caKey), done({ public_key: aKey }));
    });

    test("tells its CA's key, in JSON to those who may and raw to all", async () => {
      const { json } = await vault.must("GET", "ssh/config/ca");
      expect(json!.data).toEqual({ public_key: aKey });
      expect((await vault.ask("GET", "ssh/public_key")).text).toBe(json!.data["public_key"]);
      const configured = "keys are already configured; delete them before reconfiguring";
      expectRefusal(await vault.root("POST", "ssh/config/ca", caKey), 400, configured);
    });

    test.each([
      ["the default user for the role's time", {}, "deploy", 60],
      ["another user for another time", { valid_principals: "backup", ttl: "90s" }, "backup", 90],
    ])("signs a certificate: %s", async (_what, body, user, seconds) => {
      const response = await sign(body);
      const serial = expect.stringMatching(/^[0-9a-f]{1,16}$/) as string;
      expectAnswer(response, done({ serial_number: serial, signed_key: aCertificate }));
      const signed = response.json!.data["signed_key"] as string;
      const { validAfter, validBefore } = sshValidity(signed)!;
      expect(Number(validBefore - validAfter)).toBe(30 + seconds);
      const bytes = Buffer.from(signed.split(" ")[1]!, "base64");
      expect(bytes.toString("latin1")).toContain(user);
      const ca = (await vault.must("GET", "ssh/config/ca")).json!.data["public_key"] as string;
      expect(isSignedBy(bytes, ca)).toBe(true);
    });

    test.each<[string, object, string, string]>([
      ["an unknown role", {}, "nope", "Unknown role: nope"],
      ["no key", { public_key: "" }, "app", "missing public_key"],
      [
        "what is no key",
        { public_key: "zzz" },
        "app",
        "failed to parse public_key as SSH key: illegal base64 data at input byte 0",
      ],
      ["too long a time", { ttl: "1h" }, "app", "ttl is larger than maximum allowed 120"],
      ["another's name", { valid_principals: "root" }, "app", "root is not a valid value for valid_principals"],
    ])("refuses %s", async (_what, body, role, error) => {
      expectRefusal(await sign(body, role), 400, error);
    });
  });
};

/** Whether the last field of a certificate is the signature of an Ed25519 key over all before it. */
function isSignedBy(certificate: Buffer, line: string): boolean {
  const signatureBytes = 64;
  const fieldBytes = 4 + 4 + "ssh-ed25519".length + 4 + signatureBytes;
  const x = Buffer.from(line.split(" ")[1]!, "base64").subarray(-32).toString("base64url");
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  return verify(null, certificate.subarray(0, -fieldBytes), key, certificate.subarray(-signatureBytes));
}
