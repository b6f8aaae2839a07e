import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { keystore } from "../../src/render/keystore.js";

const run = promisify(execFile);
const directory = await mkdtemp(join(tmpdir(), "km-keystores-"));
afterAll(() => rm(directory, { recursive: true }));

const password = 'it\'s a "pass" $word';
const pkcs8 = { type: "pkcs8", format: "pem" } as const;
const keys: Record<string, string> = {
  RSA: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export(pkcs8) as string,
  ECDSA: generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export(pkcs8) as string,
  Ed25519: generateKeyPairSync("ed25519").privateKey.export(pkcs8) as string,
};

/** A certificate of the key's own, by OpenSSL. */
async function certificateOf(name: string): Promise<string> {
  const key = join(directory, `${name}.key`);
  await writeFile(key, keys[name]!);
  const args = ["req", "-x509", "-new", "-key", key, "-subj", `/CN=${name}`, "-days", "30"];
  return (await run("openssl", args)).stdout;
}

const cases = Object.keys(keys).flatMap((name) => [
  { name, encryption: "aes", legacy: false, flags: [] },
  { name, encryption: "legacy", legacy: true, flags: ["-legacy"] },
]);

test.each(cases)("OpenSSL and keytool read a keystore of $name, $encryption", async ({ name, legacy, flags }) => {
  const certificate = await certificateOf(name);
  const path = join(directory, `${name}-${legacy}.p12`);
  const task = { kind: "keystore", certificates: [certificate], alias: "web", legacy, password } as const;
  await writeFile(path, keystore({ ...task, key: keys[name]! }));

  const opened = await run("openssl", ["pkcs12", "-in", path, "-passin", `pass:${password}`, "-nodes", ...flags]);
  expect(opened.stdout).toContain(keys[name]!.trim());
  expect(opened.stdout).toContain(certificate.trim());
  const about = await run("openssl", [
    "pkcs12",
    "-in",
    path,
    "-passin",
    `pass:${password}`,
    "-info",
    "-noout",
    ...flags,
  ]);
  expect(about.stderr).toContain(legacy ? "pbeWithSHA1And3-KeyTripleDES-CBC" : "AES-256-CBC");
  expect(about.stderr).toMatch(legacy ? /MAC: sha1, Iteration 2048/ : /MAC: sha256, Iteration 10000/);
  await expect(run("openssl", ["pkcs12", "-in", path, "-passin", "pass:other", "-noout", ...flags])).rejects.toThrow();

  const exported = join(directory, `${name}-${legacy}.pem`);
  const java = ["-storetype", "PKCS12", "-keystore", path, "-storepass", password, "-alias", "web"];
  const listed = await run("keytool", ["-list", "-v", ...java], { env: { ...process.env, LC_ALL: "C" } });
  expect(listed.stdout).toContain("Entry type: PrivateKeyEntry");
  // Java needs the key itself to make a request of it.
  await run("keytool", ["-certreq", ...java, "-file", exported]);
  expect(await readFile(exported, "utf8")).toContain("BEGIN NEW CERTIFICATE REQUEST");
});

test.each([false, true])("keytool takes every certificate of a trust store for trusted, legacy: %s", async (legacy) => {
  const certificates = [await certificateOf("RSA"), await certificateOf("ECDSA")];
  const path = join(directory, `trust-${legacy}.p12`);
  await writeFile(path, keystore({ kind: "keystore", certificates, alias: "ca", legacy, password }));
  const args = ["-list", "-storetype", "PKCS12", "-keystore", path, "-storepass", password];
  const { stdout } = await run("keytool", args, { env: { ...process.env, LC_ALL: "C" } });
  expect(stdout).toMatch(/^ca, .*trustedCertEntry/m);
  expect(stdout).toMatch(/^ca-2, .*trustedCertEntry/m);
});
