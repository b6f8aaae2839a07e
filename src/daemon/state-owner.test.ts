import { randomBytes } from "node:crypto";
import { chmod, mkdir } from "node:fs/promises";
import { createServer } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../shared/clock.js";
import { Redacted } from "../shared/redacted.js";
import type { FoundRecord, SealedRecords } from "../state/sealed-records.js";
import { StateLock } from "../state/state-lock.js";
import { CountingVault } from "../../dev/testing/counting-vault.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { temporaryDirectory } from "../../dev/testing/rpc-server.js";
import { testCredentials } from "../../dev/testing/test-credentials.js";
import { type OwnedState, StateOwner, type StateOwnerEvent } from "./state-owner.js";

const never = new AbortController().signal;
const keyOf = (fill: number) => new Redacted(Buffer.alloc(32, fill));

/** An owner of the directory, whose release ends with the test. */
async function ownerOf(directory: string, clusterKey: () => Redacted<Buffer>, emit: (event: StateOwnerEvent) => void) {
  const owner = await StateOwner.prepare(
    {
      directory: { directory, onDisk: true },
      clusterKey,
      provider: "vault",
      nodeName: "node-1",
      connections: [],
      clock: systemClock,
      emit,
    },
    never,
  );
  onTestFinished(() => owner.release());
  return owner;
}

test("a take-over that fails is tried again, and succeeds once its cause is gone", async () => {
  const directory = await temporaryDirectory();
  await chmod(directory, 0o700);
  const previous = new StateLock(directory, systemClock, () => randomBytes(6).toString("hex"));
  await previous.take(createServer(), never);
  const { state, copies } = testCredentials({ client: new CountingVault(new FakeClock()), clock: new FakeClock() });
  const told: boolean[] = [];
  const owner = await ownerOf(
    directory,
    () => keyOf(0),
    (event) => event.kind === "stateHeld" && told.push(event.held),
  );
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

test.each([
  ["the cluster's key", [1], 1, true],
  ["a new key of the cluster's that this process has seen", [1, 2], 2, true],
  ["the last of several", [1, 2, 3], 3, true],
  ["the key of before", [1, 2], 1, false],
  ["a key that it never saw", [1], 9, false],
])("what was kept is read again by the next process under %s", async (_what, seen, next, isRead) => {
  const directory = await temporaryDirectory();
  await chmod(directory, 0o700);
  const written: SealedRecords[] = [];
  const found: string[] = [];
  const owned = {
    adminServer: createServer(),
    state: {
      open: (records: SealedRecords, before: readonly FoundRecord[]) => {
        written.push(records);
        found.push(...before.map(({ payload }) => payload.reveal().toString()));
      },
      close: () => {},
    } as unknown as OwnedState["state"],
    copies: { open: () => {}, close: () => {} } as unknown as OwnedState["copies"],
  };
  let key = keyOf(seen[0]!);
  const first = await ownerOf(
    directory,
    () => key,
    () => {},
  );
  await first.start(owned, never);
  await written[0]!.write("a", new Redacted(Buffer.from("kept")));
  for (const fill of seen.slice(1)) {
    key = keyOf(fill);
    await first.tick(owned, never);
  }
  await first.release();
  const second = await ownerOf(
    directory,
    () => keyOf(next),
    () => {},
  );
  await second.start({ ...owned, adminServer: createServer() }, never);
  expect(found).toEqual(isRead ? ["kept"] : []);
});
