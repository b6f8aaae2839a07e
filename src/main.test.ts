import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, symlink, writeFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { temporaryDirectory } from "../dev/testing/rpc-server.js";
import { until } from "../dev/testing/until.js";

/** keymount in a process of its own, which ends with the test at the latest. */
function keymount(...argv: string[]) {
  const child = spawn(process.execPath, ["scripts/run-ts.js", "src/main.ts", ...argv]);
  onTestFinished(() => void child.kill("SIGKILL"));
  let written = "";
  child.stdout.on("data", (piece: Buffer) => (written += piece.toString()));
  const ended = Promise.all([text(child.stderr), once(child, "exit") as Promise<[number | null]>]);
  return {
    child,
    said: (words: string) => until(() => written.includes(words)),
    ended: ended.then(([stderr, [code]]) => ({ code, stderr, stdout: written })),
  };
}

/** The flags of a serve whose files are all in this directory. */
async function serveIn(directory: string) {
  await writeFile(`${directory}/key`, Buffer.alloc(32, 7), { mode: 0o600 });
  await mkdir(`${directory}/state`, { mode: 0o700 });
  return [
    "serve",
    "--vault-addr=http://127.0.0.1:1",
    `--key-file=${directory}/key`,
    `--state-dir=${directory}/state`,
    "--state-on-disk",
    "--health-addr=127.0.0.1:0",
    `--endpoint=${directory}/vault.sock`,
  ];
}

test("a start that fails after the lock of the state directory is ours ends the process", async () => {
  const directory = await temporaryDirectory();
  const flags = await serveIn(directory);
  await symlink(directory, `${directory}/state/records`);
  const { code, stdout } = await keymount(...flags).ended;
  expect(stdout).toContain('"msg":"cannot serve"');
  expect(code).toBe(2);
});

test("SIGUSR1 opens no inspector", async () => {
  const { child, said, ended } = keymount(...(await serveIn(await temporaryDirectory())));
  await said('"msg":"serving"');
  child.kill("SIGUSR1");
  child.kill("SIGTERM");
  expect(await ended).toMatchObject({ code: 0, stderr: "" });
});

test("a reader that leaves the pipe ends a command without a word", async () => {
  const { child, ended } = keymount("help");
  child.stdout.destroy();
  expect(await ended).toMatchObject({ code: 0, stderr: "" });
});

test("output that cannot be written is told, and fails", async () => {
  const full = await open("/dev/full", "w");
  const child = spawn(process.execPath, ["scripts/run-ts.js", "src/main.ts", "version"], {
    stdio: ["ignore", full.fd, "pipe"],
  });
  const [stderr, [code]] = await Promise.all([text(child.stderr!), once(child, "exit") as Promise<[number | null]>]);
  await full.close();
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringMatching(/^keymount: the output cannot be written: .+\n$/) as string,
  });
});

test("a file that is not UTF-8 is told, and not read as another", async () => {
  const file = `${await temporaryDirectory()}/class.yaml`;
  await writeFile(file, Buffer.from([0x61, 0x3a, 0xff, 0xfe]));
  expect(await keymount("check", file).ended).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("class.yaml: it is not UTF-8") as string,
  });
});
