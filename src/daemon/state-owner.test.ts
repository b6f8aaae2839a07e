import { randomBytes } from "node:crypto";
import { chmod, mkdir } from "node:fs/promises";
import { createServer } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../shared/clock.js";
import { Redacted } from "../shared/redacted.js";
import { StateLock } from "../state/state-lock.js";
import { CountingVault } from "../../dev/testing/counting-vault.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { temporaryDirectory } from "../../dev/testing/rpc-server.js";
import { testCredentials } from "../../dev/testing/test-credentials.js";
import { StateOwner } from "./state-owner.js";

const never = new AbortController().signal;

test("a take-over that fails is tried again, and succeeds once its cause is gone", async () => {
  const directory = await temporaryDirectory();
  await chmod(directory, 0o700);
  const previous = new StateLock(directory, systemClock, () => randomBytes(6).toString("hex"));
  await previous.take(createServer(), never);
  const { state, copies } = testCredentials({ client: new CountingVault(new FakeClock()), clock: new FakeClock() });
  const told: boolean[] = [];
  const owner = await StateOwner.prepare(
    {
      directory: { directory, onDisk: true },
      key: new Redacted(Buffer.alloc(32)),
      provider: "vault",
      nodeName: "node-1",
      connections: [],
      clock: systemClock,
      emit: (event) => event.kind === "stateHeld" && told.push(event.held),
    },
    never,
  );
  onTestFinished(() => owner.release());
  const owned = { state, copies, adminServer: createServer() };
  await owner.start(owned, never);
  const records = `${directory}/records`;
  await mkdir(records);
  await chmod(records, 0o755); // Open to others: not to be used.
  await previous.release();
  for (let times = 0; times < 3; times += 1) {
    await expect(owner.tick(owned, never)).rejects.toThrow("is open to others");
    expect(owner.refusal()).toBeDefined();
  }
  await chmod(records, 0o700);
  await owner.tick(owned, never);
  expect(owner.refusal()).toBeUndefined();
  await owner.tick(owned, never);
  expect(told).toEqual([false, true]);
});
