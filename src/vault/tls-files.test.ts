import { createPrivateKey } from "node:crypto";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type Identity, makeIdentity } from "../../dev/testing/certificates.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { patience } from "../../dev/testing/until.js";
import { TlsFiles, readMaterial } from "./tls-files.js";

let one: Identity;
let two: Identity;
let directory: string;
let file: (name: string) => string;

beforeAll(() => {
  [one, two] = [
    makeIdentity({ commonName: "one", isCa: true, keyType: "rsa" }),
    makeIdentity({ commonName: "two", isCa: true }),
  ];
});
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "keymount-tls-"));
  file = (name) => join(directory, name);
});
afterEach(() => rm(directory, { recursive: true }));

describe("TLS files", () => {
  test("are read: a CA bundle, a directory of CAs, a certificate and its key", async () => {
    await writeFile(file("bundle"), `# both\n${one.cert}${two.cert}`);
    await mkdir(file("cas"));
    await writeFile(file("cas/one.pem"), one.cert);
    await writeFile(file("cert"), one.cert);
    await writeFile(file("key"), one.key);
    const paths = { caFile: file("bundle"), caDirectory: file("cas"), certFile: file("cert"), keyFile: file("key") };
    const { options } = await readMaterial({ ...paths, serverName: "vault.svc", skipVerify: false });
    expect(options).toMatchObject({
      ca: [`# both\n${one.cert}${two.cert}`, one.cert],
      cert: one.cert,
      key: one.key,
      servername: "vault.svc",
      rejectUnauthorized: true,
      minVersion: "TLSv1.2",
    });
  });

  test("in a directory that the kubelet swaps are read once each", async () => {
    await mkdir(file("..2026"));
    await writeFile(file("..2026/ca.crt"), one.cert);
    await symlink("..2026", file("..data"));
    await symlink("..data/ca.crt", file("ca.crt"));
    expect((await readMaterial({ caDirectory: directory, skipVerify: false })).options.ca).toEqual([one.cert]);
  });

  test.each<[string, () => string, RegExp]>([
    ["is missing", () => "", /none\.pem cannot be used: ENOENT/],
    ["is empty", () => "\n", /not PEM certificates, whole/],
    ["is cut in the middle", () => `${one.cert}${two.cert.slice(0, 300)}`, /not PEM certificates, whole/],
    ["is no certificate inside", () => one.cert.replace(/\n.{9}/, "\nAAAAAAAAA"), /cannot be read/],
    ["is larger than any bundle", () => "x".repeat((1 << 20) + 1), /larger than/],
  ])("that %s is refused by name", async (_name, text, message) => {
    if (text() !== "") await writeFile(file("ca.pem"), text());
    const caFile = text() === "" ? file("none.pem") : file("ca.pem");
    await expect(readMaterial({ caFile, skipVerify: false })).rejects.toMatchObject({
      kind: "configuration",
      message: expect.stringMatching(message) as string,
    });
  });

  test.each([
    ["PKCS #8", "pkcs8" as const],
    ["PKCS #1", "pkcs1" as const],
  ])("of which the key is encrypted (%s) are refused", async (_name, type) => {
    const encrypted = createPrivateKey(one.key).export({
      type,
      format: "pem",
      cipher: "aes-128-cbc",
      passphrase: "canary",
    });
    await writeFile(file("cert"), one.cert);
    await writeFile(file("key"), encrypted);
    await expect(readMaterial({ certFile: file("cert"), keyFile: file("key"), skipVerify: false })).rejects.toThrow(
      /key cannot be used: the key is encrypted/,
    );
  });

  test.each([
    ["another's", () => makeIdentity({ commonName: "three", keyType: "rsa" }).key],
    ["another's, of another type", () => two.key],
    ["no key", () => one.cert],
  ])("of which the key is %s are refused", async (_what, key) => {
    await writeFile(file("cert"), one.cert);
    await writeFile(file("key"), key());
    await expect(readMaterial({ certFile: file("cert"), keyFile: file("key"), skipVerify: false })).rejects.toThrow(
      /certificate and key do not belong together/,
    );
  });
});

describe("TLS files that change", () => {
  let clock: FakeClock;
  let rejected: string[];
  let files: TlsFiles;
  const caOf = async () => (await files.material()).options.ca;

  beforeEach(async () => {
    clock = new FakeClock();
    rejected = [];
    files = new TlsFiles({ caFile: file("ca.pem"), skipVerify: false }, clock, (reason) => rejected.push(reason));
    await writeFile(file("ca.pem"), one.cert);
  });

  /** The use that finds the files due for a look is still served what was there. */
  async function look(): Promise<void> {
    await clock.advance(10_000);
    await files.material();
  }

  test("are taken up while in use, within seconds", async () => {
    expect(await caOf()).toEqual([one.cert]);
    await writeFile(file("new"), two.cert);
    await rename(file("new"), file("ca.pem"));
    expect(await caOf()).toEqual([one.cert]);
    await look();
    await vi.waitFor(async () => expect(await caOf()).toEqual([two.cert]), patience);
  });

  test("half-written are reported, and the old ones stay until they are whole", async () => {
    await files.material();
    await writeFile(file("ca.pem"), two.cert.slice(0, 300));
    await look();
    await vi.waitFor(() => expect(rejected).toEqual([expect.stringMatching(/ca\.pem cannot be used/)]), patience);
    expect(await caOf()).toEqual([one.cert]);
    await writeFile(file("ca.pem"), two.cert);
    await look();
    await vi.waitFor(async () => expect(await caOf()).toEqual([two.cert]), patience);
  });

  test("have another digest, and while they do not, the same", async () => {
    const settings = { caFile: file("ca.pem"), skipVerify: false };
    const [first, again] = [await readMaterial(settings), await readMaterial(settings)];
    await writeFile(file("ca.pem"), two.cert);
    expect([again.digest === first.digest, (await readMaterial(settings)).digest === first.digest]).toEqual([
      true,
      false,
    ]);
  });

  test("were never good: every use says so, and finds them when they are", async () => {
    await rm(file("ca.pem"));
    await expect(files.material()).rejects.toMatchObject({ kind: "configuration" });
    await writeFile(file("ca.pem"), one.cert);
    expect(await caOf()).toEqual([one.cert]);
  });
});
