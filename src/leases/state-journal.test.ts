import { beforeEach, expect, test } from "vitest";
import { ProviderError } from "../shared/errors.js";
import { Redacted } from "../shared/redacted.js";
import { RecordsInMemory } from "../../dev/testing/records-in-memory.js";
import { StateJournal } from "./state-journal.js";

const ownerKeys = ["a", "b", "c", "d"];
const full = new ProviderError("internal", "no space");

/** Owner keys whose record there is no room for. */
let refused: Set<string>;
let attempts: string[];
let told: string[];
let held: Map<string, string>;
let store: RecordsInMemory;
let journal: StateJournal;

class SmallDisk extends RecordsInMemory {
  override async write(id: string, payload: Redacted<Buffer>): Promise<void> {
    attempts.push(id);
    if (refused.has(id)) throw full;
    return super.write(id, payload);
  }
}

beforeEach(() => {
  refused = new Set();
  attempts = [];
  told = [];
  held = new Map(ownerKeys.map((ownerKey) => [ownerKey, `${ownerKey} 1`]));
  store = new SmallDisk();
  journal = new StateJournal((event) => {
    if (event.kind === "ownerNotPersisted" && event.first) told.push(event.error.message);
    if (event.kind === "ownersPersisted") told.push("all written");
  });
  open();
});

function open(): void {
  journal.open(store, (ownerKey) => {
    const text = held.get(ownerKey);
    return text === undefined ? undefined : new Redacted(Buffer.from(text));
  });
}

const written = () => store.all().map(({ payload }) => payload.reveal().toString());

/** As the daemon does: once a second. Gives the owner keys that were tried. */
async function seconds(count: number): Promise<string[]> {
  attempts.length = 0;
  for (let n = 0; n < count; n += 1) {
    journal.retry();
    for (let turn = 0; turn < 10 * ownerKeys.length; turn += 1) await Promise.resolve();
  }
  return [...attempts];
}

async function persistAll(): Promise<void> {
  await Promise.all(ownerKeys.map((ownerKey) => journal.persist(ownerKey)));
}

test.each(["succeeds", "fails"])(
  "a write that %s once the directory is another's says nothing of what is open by then",
  async (how) => {
    const old = store;
    let end!: () => void;
    const ended = new Promise<void>((resolve) => (end = resolve));
    old.write = () => ended.then(() => (how === "fails" ? Promise.reject(full) : undefined));
    const late = journal.persist("a");
    await Promise.resolve();
    journal.close();
    store = new SmallDisk();
    open();
    refused.add("a");
    await journal.persist("a");
    end();
    await late;
    expect(told).toEqual(["no space"]);
    refused.clear();
    expect(await seconds(1)).toEqual(["a"]);
  },
);

test("what could not be written is written once there is room, as it is by then", async () => {
  ownerKeys.forEach((ownerKey) => refused.add(ownerKey));
  await persistAll();
  held.set("b", "b 2");
  refused.clear();
  expect(await seconds(1)).toEqual(ownerKeys);
  expect(written()).toEqual(["a 1", "b 2", "c 1", "d 1"]);
  expect(await seconds(5)).toEqual([]);
});

test("a removal that failed is tried again, too", async () => {
  await persistAll();
  held.clear();
  store.refusal = full;
  await persistAll();
  store.refusal = undefined;
  await seconds(1);
  expect(written()).toEqual([]);
});

test("while nothing can be written, one record is tried a second, each in its turn; the failure is told once, and its end", async () => {
  ownerKeys.forEach((ownerKey) => refused.add(ownerKey));
  await persistAll();
  expect(await seconds(6)).toEqual(["a", "b", "c", "d", "a", "b"]);
  expect(told).toEqual(["no space"]);
  refused.clear();
  await seconds(2);
  expect(told).toEqual(["no space", "all written"]);
});

test("one record that there is no room for does not hold up the others", async () => {
  ownerKeys.forEach((ownerKey) => refused.add(ownerKey));
  await persistAll();
  refused = new Set(["a"]);
  await seconds(2);
  expect(written()).toEqual(["b 1", "c 1", "d 1"]);
  expect(await seconds(2)).toEqual(["a", "a"]);
  expect(told).toEqual(["no space"]);
});

test("what another process owns is not written, nor what failed before that once the directory is ours again", async () => {
  refused.add("a");
  await journal.persist("a");
  journal.close();
  expect(await seconds(3)).toEqual([]);
  open();
  expect(await seconds(3)).toEqual([]);
});
