import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { temporaryDirectory } from "./testing/rpc-server.js";

/** Runs keymount in a process of its own until it ends by itself. */
async function keymount(...argv: string[]) {
  const child = spawn(process.execPath, ["scripts/run-ts.js", "src/main.ts", ...argv]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit") as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
}

test("a start that fails after the state directory is held ends the process", async () => {
  const directory = await temporaryDirectory();
  await mkdir(`${directory}/state`, { mode: 0o700 });
  await symlink(directory, `${directory}/state/records`);
  await writeFile(`${directory}/key`, Buffer.alloc(32, 7), { mode: 0o600 });
  const { code, stdout } = await keymount(
    "serve",
    "--vault-addr=http://127.0.0.1:1",
    `--key-file=${directory}/key`,
    `--state-dir=${directory}/state`,
    "--state-on-disk",
    "--health-addr=127.0.0.1:0",
    `--endpoint=${directory}/vault.sock`,
  );
  expect(stdout).toContain('"msg":"cannot serve"');
  expect(code).toBe(2);
});
