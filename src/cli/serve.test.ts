import { writeFile } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";
import { callVersion } from "../rpc/call-version.js";
import { freePorts } from "../../dev/testing/free-ports.js";
import { temporaryDirectory } from "../../dev/testing/rpc-server.js";
import { until } from "../../dev/testing/until.js";
import { runCommand } from "./commands.js";

const never = new AbortController().signal;

/** A serve in this process, and what Node would call for an error that nothing caught. */
async function serving() {
  const directory = await temporaryDirectory();
  const { port } = await freePorts("port");
  const socket = `${directory}/vault.sock`;
  await writeFile(`${directory}/key`, Buffer.alloc(32, 7), { mode: 0o600 });
  const stop = new AbortController();
  let stderr = "";
  const io = {
    program: "keymount",
    stdout: { write: () => true },
    stderr: { write: (text: string) => (stderr += text) },
    readFile: () => Promise.reject(new Error("nothing is read here")),
  };
  const others = process.listeners("uncaughtException");
  const flags = [`--endpoint=${socket}`, `--health-addr=127.0.0.1:${port}`, `--key-file=${directory}/key`];
  const ended = runCommand(
    ["serve", "--vault-addr=http://127.0.0.1:1", "--log-level=off", ...flags],
    io,
    stop.signal,
  ).then((code) => ({ code, stderr }));
  onTestFinished(() => stop.abort());
  await until(() => callVersion(socket, never).catch(() => undefined));
  const uncaught = process.listeners("uncaughtException").find((listener) => !others.includes(listener))!;
  return {
    stop,
    ended,
    uncaught: () => uncaught(new Error("canary"), "uncaughtException"),
    version: () => callVersion(socket, never),
    metrics: async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text(),
  };
}

test("an error that nothing caught is counted, and serving goes on", async () => {
  const { uncaught, version, metrics, stop, ended } = await serving();
  uncaught();
  expect(await version()).toMatchObject({ runtimeName: "keymount" });
  expect(await metrics()).toContain("keymount_uncaught_exceptions_total 1\n");
  stop.abort();
  expect(await ended).toEqual({ code: 0, stderr: "" });
});

test("a burst of them ends it in order, with an error", async () => {
  const { uncaught, version, ended } = await serving();
  for (let n = 0; n < 11; n++) uncaught();
  expect(await ended).toEqual({
    code: 1,
    stderr: "keymount serve: keymount ends: 11 errors within a minute were not caught\n",
  });
  await expect(version()).rejects.toMatchObject({ code: "unavailable" });
});

const vault =
  "default: main\nconnections: {main: {addresses: [https://vault:8200]}, eu: {addresses: [https://eu:8200]}}\n";

test.each<[string, string | Buffer, string[], number, string, string[]]>([
  [
    "what is right",
    vault,
    [],
    0,
    "the configuration has no mistakes: provider vault, connections main (default), eu\n",
    [],
  ],
  ["a flag that is none", vault, ["--tls-server-name=x"], 1, "", ["--tls-server-name is not known"]],
  [
    "what is laid over the file",
    vault,
    ["--vault-tls-skip-verify"],
    0,
    "the configuration has no mistakes: provider vault, connections main (default), eu\n",
    ["keymount serve: warning: connection main takes any certificate for Vault's"],
  ],
  ["a mistake in the file", `${vault}events: 1\n`, [], 1, "", ["keymount.yaml:3:1: events: 1 must be true or false"]],
  [
    "a file in another encoding",
    Buffer.from(`\uFEFF${vault}`, "utf16le"),
    [],
    1,
    "",
    ["keymount.yaml cannot be read: it is not UTF-8: save it so"],
  ],
  ["a mistake between settings", `${vault}stateDir: /run/x\n`, [], 1, "", ["stateDir needs a key"]],
])("--check-config tells %s, and ends", async (_name, file, flags, expected, said, warned) => {
  const path = `${await temporaryDirectory()}/keymount.yaml`;
  await writeFile(path, file);
  const written = { stdout: "", stderr: "" };
  const io = {
    program: "keymount",
    stdout: { write: (text: string) => (written.stdout += text) },
    stderr: { write: (text: string) => (written.stderr += text) },
    readFile: () => Promise.reject(new Error("nothing is read here")),
  };
  const code = await runCommand(["serve", "--check-config", `--config=${path}`, ...flags], io, never);
  expect({ code, stdout: written.stdout }).toEqual({ code: expected, stdout: said });
  expect(await runCommand(["-check-config", `--config=${path}`, ...flags], io, never)).toBe(expected);
  for (const words of warned) expect(written.stderr).toContain(words);
  if (warned.length === 0) expect(written.stderr).toBe("");
});
