import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../testing/rpc-server.js";
import type { CommandIo } from "../../src/cli/command-io.js";
import { devCommand } from "./dev.js";

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

test("the demo shows files, a change, a refusal explained, and ends by itself", async () => {
  const { written, code } = start(["--demo"], new AbortController().signal);
  expect(await code, written.stderr).toBe(0);
  expect(written.stdout).toMatch(/db\/password +0400/);
  expect(written.stdout).toContain("five republishes, 0 requests to Vault");
  expect(written.stdout).toMatch(/\$ cat db\/password\n +a new one/);
  expect(written.stdout + written.stderr).toContain('no key "pasword" at secret/data/app');
  expect(written.stdout + written.stderr).toContain("did you mean filePermission?");
  expect(written.stdout).toMatch(/lease +database +default +database\/creds\/app +app +\S+ +held +renewed in \ds/);
  expect(written.stdout).toContain("0 database users left");
});

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

test("its help tells usage and exit codes", () => {
  expect(devCommand.help).toMatch(/^Usage: keymount dev .*\n\nExit codes: 0 /s);
});

test.each([[["--vault-port", "x"]], [["--nope"]], [["extra"]]])("%j is wrong usage", async (argv) => {
  const { written, code } = start(argv, new AbortController().signal);
  expect(await code).toBe(2);
  expect(written.stderr).toMatch(/^keymount dev: .+; see keymount dev --help\n$/);
});
