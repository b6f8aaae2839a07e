import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { callVersion } from "../rpc/call-version.js";
import { temporaryDirectory } from "../../dev/testing/rpc-server.js";
import { runCommand } from "./commands.js";

const never = new AbortController().signal;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A serve in this process, and what Node would call for an error that nothing caught. */
async function serving() {
  const directory = await temporaryDirectory();
  const [socket, port] = [`${directory}/vault.sock`, await freePort()];
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
  await vi.waitUntil(() => callVersion(socket, never).catch(() => undefined), { timeout: 10_000 });
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
