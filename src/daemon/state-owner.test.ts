import { randomBytes } from "node:crypto";
import { chmod, mkdir, readdir, rename, symlink } from "node:fs/promises";
import { createServer } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
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
async function ownerOf(
  directory: string,
  current: () => Redacted<Buffer>,
  emit: (event: StateOwnerEvent) => void,
  readAgain = async () => current(),
) {
  const clusterKey = {
    get current() {
      return current();
    },
    readAgain,
  };
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
  const previous = new StateLock(directory, () => randomBytes(6).toString("hex"));
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
  expect(owner.hasOpened).toBe(false);
  const records = `${directory}/records`;
  await mkdir(records);
  await chmod(records, 0o755); // Open to others: not to be used.
  await previous.release();
  for (let times = 0; times < 3; times += 1) {
    await expect(owner.tick(owned, never)).rejects.toThrow("is open to others");
    expect(owner.refusal()).toBeDefined();
  }
  expect(owner.hasOpened, "it may have restored some of the records").toBe(true);
  await chmod(records, 0o700);
  await owner.tick(owned, never);
  expect(owner.refusal()).toBeUndefined();
  await owner.tick(owned, never);
  expect(told).toEqual([false, true]);
});

/** A directory, what a process brings to it, and the texts that were found there. */
async function stateDirectory() {
  const directory = await temporaryDirectory();
  await chmod(directory, 0o700);
  const opened: SealedRecords[] = [];
  const found: string[] = [];
  const state = {
    restore: (_records: SealedRecords, { payload }: FoundRecord) => found.push(payload.reveal().toString()),
    open: (records: SealedRecords) => opened.push(records),
    close: () => {},
  } as unknown as OwnedState["state"];
  const copies = { open: () => {}, close: () => {} } as unknown as OwnedState["copies"];
  const owned = (): OwnedState => ({ adminServer: createServer(), state, copies });
  const write = (text: string) => opened.at(-1)!.write("a", new Redacted(Buffer.from(text)));
  /** A process that has kept a text there; `sees` shows it another key of the cluster's. */
  const keeping = async (text: string, fill: number) => {
    let key = keyOf(fill);
    const owner = await ownerOf(
      directory,
      () => key,
      () => {},
    );
    await owner.start(owned(), never);
    await write(text);
    const sees = async (other: number) => {
      key = keyOf(other);
      await owner.tick(owned(), never);
    };
    return { sees, release: () => owner.release() };
  };
  return { directory, owned, keeping, found };
}

test.each([
  ["the cluster's key", [1], 1, true],
  ["a new key of the cluster's that this process has seen", [1, 2], 2, true],
  ["the last of several", [1, 2, 3], 3, true],
  ["the key of before", [1, 2], 1, false],
  ["a key that it never saw", [1], 9, false],
])("what was kept is read again by the next process under %s", async (_what, seen, next, isRead) => {
  const { directory, owned, keeping, found } = await stateDirectory();
  const first = await keeping("kept", seen[0]!);
  for (const fill of seen.slice(1)) await first.sees(fill);
  await first.release();
  const second = await ownerOf(
    directory,
    () => keyOf(next),
    () => {},
  );
  await second.start(owned(), never);
  expect(found).toEqual(isRead ? ["kept"] : []);
});

test.each([
  ["the key that the other process has seen: what was kept is read", 2, ["kept"]],
  ["another one: what was kept is given up", 9, []],
  ["the one that it knows: what was kept is given up", 1, []],
])(
  "a process that waits, and does not know the key of the state yet, reads the cluster's key again; it is %s",
  async (_what, again, kept) => {
    const { directory, owned, keeping, found } = await stateDirectory();
    const first = await keeping("kept", 1);
    const origin: (() => Promise<Redacted<Buffer>>)[] = [
      () => Promise.reject(new ProviderError("unavailable", "the API is away")),
      async () => keyOf(again),
    ];
    const next = await ownerOf(
      directory,
      () => keyOf(1),
      () => {},
      () => origin.shift()!(),
    );
    const ofNext = owned();
    await next.start(ofNext, never);
    await first.sees(2); // Only the first process is told.
    await first.release();
    await expect(next.tick(ofNext, never)).rejects.toThrow("the API is away");
    expect([await readdir(`${directory}/records`), next.refusal()]).toEqual([[expect.any(String)], expect.anything()]);
    await next.tick(ofNext, never);
    expect([found, next.refusal(), origin]).toEqual([kept, undefined, []]);
  },
);

test("a key file that cannot be read costs nothing: what was kept is read once it can be", async () => {
  const { directory, owned, keeping, found } = await stateDirectory();
  const first = await keeping("kept", 1);
  await first.release();
  const [file, aside] = [`${directory}/key`, `${directory}/aside`];
  await rename(file, aside);
  await symlink(aside, file); // Not followed, so as little to be read (ELOOP) as without a file descriptor (EMFILE).
  const next = await ownerOf(
    directory,
    () => keyOf(1),
    () => {},
  );
  await expect(next.start(owned(), never)).rejects.toThrow(
    `key in the state directory ${directory} cannot be read (ELOOP)`,
  );
  await rename(aside, file);
  await next.start(owned(), never);
  expect(found).toEqual(["kept"]);
});
