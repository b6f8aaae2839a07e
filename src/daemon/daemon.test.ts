import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadOptions } from "../config/load-options.js";
import { systemClock } from "../shared/clock.js";
import { Redacted } from "../shared/redacted.js";
import { workerFile } from "../../dev/testing/built-worker.js";
import { captureLog } from "../../dev/testing/capture-log.js";
import { startReadyVault, type ReadyVault } from "../../dev/testing/ready-vault.js";
import { startDaemon } from "./daemon.js";

let directory: string;
let vault: ReadyVault;
let taken: Server;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "km-"));
  vault = await startReadyVault();
  taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  await vault.stop();
  await new Promise((resolve) => taken.close(resolve));
  await rm(directory, { recursive: true });
});

function start(healthPort: number) {
  const argv = [
    `--endpoint=${join(directory, "vault.sock")}`,
    `--vault-addr=${vault.address}`,
    `--health-addr=127.0.0.1:${healthPort}`,
  ];
  const options = loadOptions({ argv, env: {}, execArgv: [], readFile: () => "" });
  const parts = {
    options,
    version: "1.2.3",
    key: new Redacted(Buffer.alloc(32, 1)),
    minter: undefined,
    events: undefined,
    pods: undefined,
    workerFile,
  };
  const { log } = captureLog();
  return startDaemon({ ...parts, log, clock: systemClock, random: Math.random }, new AbortController().signal);
}

test("what was started before a later step fails is stopped again, and the failure is reported", async () => {
  const { port } = taken.address() as AddressInfo;
  await expect(start(port)).rejects.toMatchObject({
    code: "invalid_request",
    message: expect.stringContaining("EADDRINUSE") as string,
  });
  expect(existsSync(join(directory, "vault.sock"))).toBe(false);
});

test("the socket appears when all else stands, and is gone after the stop", async () => {
  const daemon = await start(0);
  expect(existsSync(join(directory, "vault.sock"))).toBe(true);
  const { host, port } = daemon.healthAddress;
  expect((await fetch(`http://${host}:${port}/readyz`)).status).toBe(200);
  await daemon.stop();
  expect(existsSync(join(directory, "vault.sock"))).toBe(false);
});
