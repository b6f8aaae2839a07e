import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { callDoctor } from "../testing/doctor-fixture.js";
import { temporaryDirectory } from "../testing/rpc-server.js";
import { Administrator } from "../vault/administrator.js";
import type { CommandIo } from "../../src/cli/command-io.js";
import { devTokens } from "../../src/cli/dev-tokens.js";
import { devCommand } from "./dev.js";
import { startDevEnvironment } from "./environment.js";
import { guide, shellWord } from "./guide.js";
import { devRole, devSecrets } from "./vault-content.js";

const aPod = { pod: { namespace: "any", name: "any-0", uid: "any", serviceAccount: "any" }, audience: "vault" };

/** The command at a desk; `told` is called with all that was written so far, at each write. */
function start(argv: readonly string[], signal: AbortSignal, told: (text: string) => void = () => {}) {
  const written = { stdout: "", stderr: "" };
  const to = (stream: keyof typeof written) => ({
    write: (text: string) => told((written[stream] += text)),
  });
  const io: CommandIo = {
    program: "node dist/keymount.js",
    stdout: to("stdout"),
    stderr: to("stderr"),
    readFile: (path) => readFile(path, "utf8"),
  };
  return { written, code: devCommand.run(argv, io, signal) };
}

test.each([
  ["Vault", []],
  ["OpenBao", ["--openbao"]],
])(
  "the demo in front of %s shows files, a change, a refusal explained, and ends by itself",
  async (_product, flags) => {
    const { written, code } = start(["--demo", ...flags], new AbortController().signal);
    expect(await code, written.stderr).toBe(0);
    expect(written.stdout).toMatch(/db\/password +0400/);
    expect(written.stdout).toContain("five republishes, 0 requests to Vault");
    expect(written.stdout).toMatch(/\$ cat db\/password\n +a new one/);
    expect(written.stdout + written.stderr).toContain('no key "pasword" at secret/data/app');
    expect(written.stdout + written.stderr).toContain("did you mean filePermission?");
    expect(written.stdout).toMatch(/lease +database +default +database\/creds\/app +app +\S+ +held +renewed in \ds/);
    expect(written.stdout).toContain("0 database users left");
  },
);

test("tells how to use what it started, and ends when asked", async () => {
  const directory = await temporaryDirectory();
  const stop = new AbortController();
  const { written, code } = start(["--dir", directory, "--vault-port", "0"], stop.signal, (text) => {
    if (text.includes("Ctrl-C ends it.")) stop.abort();
  });
  expect(await code).toBe(0);
  expect(written.stdout).toContain(`node dist/keymount.js mount -f ${join(directory, "class.yaml")}`);
  expect(existsSync(join(directory, "vault.sock"))).toBe(false);
});

test("a port or a directory that is taken is an error that names it, and nothing is left running", async () => {
  const directory = await temporaryDirectory();
  const first = await startDevEnvironment({ directory, vaultPort: 0 }, new AbortController().signal);
  onTestFinished(() => first.stop());
  const { port } = new URL(first.vault.address);
  const other = await temporaryDirectory();
  const signal = new AbortController().signal;
  const onPort = start(["--dir", other, "--vault-port", port], signal);
  expect(await onPort.code).toBe(2);
  expect(onPort.written).toEqual({
    stdout: "",
    stderr: `keymount dev: port ${port} is not free for the embedded Vault: another program listens on it; choose another with --vault-port, 0 is any\n`,
  });
  const inDirectory = start(["--dir", directory, "--vault-port", port], signal);
  expect(await inDirectory.code).toBe(2);
  expect(inDirectory.written.stderr).toBe(
    `keymount dev: ${directory} cannot be used: another keymount dev runs in it; choose another directory with --dir\n`,
  );
  expect(await devTokens({ ...aPod, socketPath: first.socketPath }, signal)).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
  expect(existsSync(join(other, "vault.sock"))).toBe(false);
});

test("one that is to end before it has begun ends as asked", async () => {
  const directory = await temporaryDirectory();
  const { written, code } = start(["--dir", directory, "--vault-port", "0"], AbortSignal.abort());
  expect(await code).toBe(0);
  expect(written).toEqual({ stdout: "", stderr: "" });
});

test.each<[string, (base: string) => string, RegExp]>([
  ["that holds other files", () => "/proc", /^keymount dev: \/proc cannot be used: it holds other files /],
  [
    "below a file",
    (base) => join(base, "file", "dir"),
    /: a file is in its place, or in that of a directory above it; /,
  ],
  ["where none can be made", () => "/proc/nope", /: no directory can be made there; /],
])("--dir with a directory %s is wrong usage", async (_, pathIn, said) => {
  const base = await temporaryDirectory();
  await writeFile(join(base, "file"), "");
  const { written, code } = start(["--dir", pathIn(base), "--vault-port", "0"], new AbortController().signal);
  expect(await code).toBe(2);
  expect(written.stdout).toBe("");
  expect(written.stderr).toMatch(said);
});

test.each([[["--vault-port", "x"]], [["--nope"]], [["extra"]]])("%j is wrong usage", async (argv) => {
  const { written, code } = start(argv, new AbortController().signal);
  expect(await code).toBe(2);
  expect(written.stderr).toMatch(/^keymount dev: .+; see keymount dev --help\n$/);
});

test("names what there is, and each can be had by the role's token", async () => {
  const stop = new AbortController();
  const { vault, admin, ...places } = await startDevEnvironment(
    { directory: await temporaryDirectory(), vaultPort: 0 },
    stop.signal,
  );
  onTestFinished(() => places.stop());
  const text = guide({ vault, admin, ...places }, "keymount");
  expect(text).toContain(`\n  export VAULT_ADDR=${vault.address} VAULT_TOKEN=${vault.rootToken}\n`);
  const jwt = await devTokens({ ...aPod, audience: devRole.audience, socketPath: places.socketPath }, stop.signal);
  const login = await admin.request("POST", `auth/${devRole.authMount}/login`, { role: devRole.name, jwt });
  const { client_token: token } = login["auth"] as { client_token: string };
  const { data: mounts } = (await admin.request("GET", "sys/mounts")) as { data: Record<string, { type: string }> };
  const role = new Administrator({ address: vault.address, token });
  const encrypted = await admin.request("POST", "transit/encrypt/app", { plaintext: "aGk=" });
  const bodies: Record<string, unknown> = { pki: { common_name: "a.example.test" }, transit: encrypted["data"] };
  for (const { mount, type, path, holds } of devSecrets) {
    const engine = mounts[mount]!.type;
    expect(type.split(" ")[0]).toBe(engine);
    const body = bodies[engine];
    expect(holds.includes("by POST")).toBe(body !== undefined);
    await role.request(body === undefined ? "GET" : "POST", path, body);
    expect(text).toContain(` ${path}: ${holds}\n`);
  }
  const { "sys/": _, ...own } = mounts;
  expect(Object.keys(own).sort()).toEqual(devSecrets.map(({ mount }) => mount).sort());
});

test("with --openbao it is one, named and commanded as such", async () => {
  const directory = await temporaryDirectory();
  const stop = new AbortController();
  let version: Promise<string> | undefined;
  const askVersion = async (address: string) => {
    const response = await fetch(`${address}/v1/sys/health`);
    return ((await response.json()) as { version: string }).version;
  };
  const { written, code } = start(["--dir", directory, "--vault-port", "0", "--openbao"], stop.signal, (text) => {
    version ??= askVersion(/VAULT_ADDR=(\S+)/.exec(text)![1]!).finally(() => stop.abort());
  });
  expect(await code).toBe(0);
  expect(await version).toBe("2.6.2");
  expect(written.stdout).toMatch(/^An embedded OpenBao listens/);
  expect(written.stdout).toContain("VAULT_TOKEN=s.");
  expect(written.stdout).toContain("bao kv patch secret/app");
  expect(written.stdout).not.toMatch(/\bvault kv\b/);
});

test.each([
  ["/tmp/app", "/tmp/app"],
  ["a b", "'a b'"],
  ["it's", "'it'\\''s'"],
  ["$HOME", "'$HOME'"],
  ["", "''"],
])("in a shell %j is %s", (text, word) => {
  expect(shellWord(text)).toBe(word);
});

test("doctor finds the token of a pod by itself, and nothing broken", async () => {
  const directory = await temporaryDirectory();
  const environment = await startDevEnvironment({ directory, vaultPort: 0 }, new AbortController().signal);
  onTestFinished(() => environment.stop());
  const { socketPath, classFile, vault } = environment;
  const { code, stdout, stderr } = await callDoctor(
    ["-f", "class.yaml", `--endpoint=${socketPath}`, `--vault-addr=${vault.address}`],
    {
      files: { "class.yaml": await readFile(classFile, "utf8") },
      stage: { tokenSource: devTokens, driverDirectories: [directory] },
    },
  );
  expect(stdout).toMatch(
    /^passed +token +keymount dev made a token of service account default\/default, .*bound to pod/m,
  );
  expect(stdout).toMatch(/^passed +login /m);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
});
