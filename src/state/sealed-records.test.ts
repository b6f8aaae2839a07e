import { randomBytes } from "node:crypto";
import { renameSync, rmSync, symlinkSync } from "node:fs";
import { chmod, chown, link, readFile, readdir, rename, symlink, truncate, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { Redacted } from "../shared/redacted.js";
import { temporaryDirectory } from "../../dev/testing/rpc-server.js";
import { testAsRoot } from "../../dev/testing/test-as-root.js";
import { type RecordContext, SealedRecords } from "./sealed-records.js";

const never = new AbortController().signal;
const key = new Redacted(Buffer.alloc(32, 7));
const context: RecordContext = { provider: "vault", node: "node-1", bootId: "boot-1" };

let directory: string;
let told: string[];
let wall: number;
let onDisk: boolean;

beforeEach(async () => {
  onDisk = true;
  directory = await temporaryDirectory();
  told = [];
  wall = 1_700_000_000_000;
});

function recordsOf(
  change: Partial<RecordContext> = {},
  otherKey = key,
  folder: "records" | "offline" = "records",
  whenTold: () => void = () => {},
): SealedRecords {
  return new SealedRecords({
    directory,
    folder,
    key: otherKey,
    context: { ...context, ...change },
    randomBytes,
    wall: () => wall,
    onDisk,
    emit: (event) => {
      told.push(event.kind === "recordSetAside" ? event.because : `${event.count} of another boot`);
      whenTold();
    },
  });
}

async function openRecords(...how: Parameters<typeof recordsOf>): Promise<SealedRecords> {
  const records = recordsOf(...how);
  await readAll(records);
  return records;
}

async function readAll(records: SealedRecords) {
  const found = [];
  for await (const record of records.readAll(never)) found.push(record);
  return found;
}

const payload = (text: string) => new Redacted(Buffer.from(text));
const readTexts = async (...how: Parameters<typeof recordsOf>) =>
  (await readAll(recordsOf(...how))).map(({ payload: text }) => text.reveal().toString()).sort();
const files = async () => (await readdir(join(directory, "records"))).map((name) => join(directory, "records", name));

describe.each([
  ["on disk", true],
  ["in memory", false],
])("%s", (_where, isOnDisk) => {
  beforeEach(() => {
    onDisk = isOnDisk;
  });

  test("what is written is read by the next process, replaced and removed", async () => {
    const records = await openRecords();
    await records.write("a", payload("one"));
    await records.write("b", payload("two"));
    expect(await readTexts()).toEqual(["one", "two"]);
    await records.write("a", payload("three"));
    await records.remove("b");
    await records.remove("never written");
    expect(await readTexts()).toEqual(["three"]);
    expect(told).toEqual([]);
  });

  test("of many writes at once the last counts, and each resolves only when it, or a newer one, is written", async () => {
    const records = await openRecords();
    const order = Array.from({ length: 50 }, (_, n) => records.write("a", payload(String(n))));
    await order[10];
    expect(Number((await readTexts())[0])).toBeGreaterThanOrEqual(10);
    await Promise.all([...order, records.remove("a"), records.write("a", payload("last"))]);
    expect(await readTexts()).toEqual(["last"]);
  });

  test("where nothing can be written the old record stays, and the next write is tried for itself", async () => {
    const records = await openRecords();
    await records.write("a", payload("old"));
    const folder = join(directory, "records");
    await rename(folder, `${folder}-away`);
    await expect(records.write("a", payload("new"))).rejects.toThrow(/cannot be written \(ENOENT\)/);
    await rename(`${folder}-away`, folder);
    expect(await readTexts()).toEqual(["old"]);
    await records.write("a", payload("newer"));
    expect(await readTexts()).toEqual(["newer"]);
    expect((await readdir(folder)).filter((name) => name.startsWith("."))).toEqual([]);
  });
});

test("each record is read when it is asked for: not all are in memory at once", async () => {
  const records = await openRecords();
  for (const id of ["a", "b", "c"]) await records.write(id, payload(id));
  const found = [];
  for await (const record of recordsOf().readAll(never)) {
    found.push(record);
    for (const file of await files()) rmSync(file);
  }
  expect(found).toHaveLength(1);
});

test("a record is read alone by its id, as it is now", async () => {
  const records = await openRecords();
  await records.write("a", payload("one"));
  await records.write("a", payload("two"));
  expect((await records.read("a"))?.reveal().toString()).toBe("two");
  await records.remove("a");
  expect(await records.read("a")).toBeUndefined();
});

test("a record is of its folder alone, also where a file is moved to another", async () => {
  const records = await openRecords();
  await records.write("a", payload("one"));
  const [file] = await files();
  const others = await openRecords({}, key, "offline");
  await rename(file!, join(directory, "offline", basename(file!)));
  expect(await others.read("a")).toBeUndefined();
  expect(await readTexts({}, key, "offline")).toEqual([]);
  expect(told).toEqual(["it is damaged, or sealed with another key"]);
});

test("any bytes come back as they were", async () => {
  const records = await openRecords();
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 5_000 }), async (bytes) => {
      await records.write("a", new Redacted(Buffer.from(bytes)));
      expect((await readAll(recordsOf()))[0]?.payload.reveal()).toEqual(Buffer.from(bytes));
    }),
    { numRuns: 30 },
  );
});

test("neither names nor contents tell anything", async () => {
  await (await openRecords()).write('["main","shop/web"]', payload("hunter2 hunter2 hunter2"));
  const [file] = await files();
  expect(file).toMatch(/\/[0-9a-f]{40}$/);
  expect((await readFile(file!)).toString("latin1")).not.toMatch(/hunter2|shop/);
});

test("the same text is never sealed the same", async () => {
  const records = await openRecords();
  await records.write("a", payload("x"));
  const [file] = await files();
  const first = await readFile(file!);
  await records.write("a", payload("x"));
  expect((await readFile(file!)).equals(first)).toBe(false);
});

describe("what is no record of ours is set aside, and the others are read", () => {
  const damaged = "it is damaged, or sealed with another key";
  test.each<[string, (file: string) => Promise<unknown>, string]>([
    ["cut off", (file) => truncate(file, 60), damaged],
    ["cut off in the header", (file) => truncate(file, 10), "it is no record, or only part of one"],
    [
      "larger than any record",
      (file) => truncate(file, (12 << 20) + 1),
      "it has 12582913 bytes, more than the 12582912 of the largest record",
    ],
    ["emptied", (file) => truncate(file, 0), "it is no record, or only part of one"],
    ["of another make", async (file) => flip(file, 8), "it was written by another version of keymount"],
    ["with a bit turned in its nonce", (file) => flip(file, 20), damaged],
    ["with a bit turned in its tag", (file) => flip(file, 30), damaged],
    ["with a bit turned in its text", (file) => flip(file, 50), damaged],
    ["with a second name", (file) => link(file, `${file}0`), "somebody else has put it there"],
  ])("%s", (_what, harm, because) => isSetAside(harm, because));

  testAsRoot("another user's", () => isSetAside((file) => chown(file, 12345, 0), "somebody else has put it there"));

  async function isSetAside(harm: (file: string) => Promise<unknown>, because: string): Promise<void> {
    const records = await openRecords();
    await records.write("a", payload("broken, and long enough to be cut"));
    const [file] = await files();
    await records.write("b", payload("whole"));
    await harm(file!);
    expect(await readTexts()).toEqual(["whole"]);
    expect(new Set(told)).toEqual(new Set([because]));
    expect(await readTexts()).toEqual(["whole"]);
    expect((await readdir(join(directory, "quarantine"))).length).toBe(told.length);
  }

  test("a symbolic link, a renamed record, and one of another node, provider or key", async () => {
    const records = await openRecords();
    await records.write("a", payload("one"));
    const [file] = await files();
    await symlink("/etc/passwd", join(directory, "records", "link"));
    await writeFile(join(directory, "records", "f".repeat(40)), await readFile(file!));
    expect(await readTexts()).toEqual(["one"]);
    expect(told.sort()).toEqual([damaged, "it is no file"].sort());
    const others: Parameters<typeof recordsOf>[] = [
      [{ node: "node-2" }],
      [{ provider: "bao" }],
      [{}, new Redacted(Buffer.alloc(32, 8))],
    ];
    for (const how of others) {
      await (await openRecords()).write("a", payload("one"));
      expect(await readTexts(...how)).toEqual([]);
    }
  });

  test("at most a hundred of them are kept", async () => {
    await openRecords();
    for (let n = 0; n < 130; n += 1) await writeFile(join(directory, "records", `stray-${n}`), "x");
    await readAll(recordsOf());
    expect((await readdir(join(directory, "quarantine"))).length).toBe(100);
  });
});

test("records of an earlier boot are removed: what they held has ended, or ends by itself", async () => {
  await (await openRecords()).write("a", payload("one"));
  expect(await readTexts({ bootId: "boot-2" })).toEqual([]);
  expect(told).toEqual(["1 of another boot"]);
  expect(await files()).toEqual([]);
});

test("killed before its file has its name, a process leaves the record as it was", async () => {
  await (await openRecords()).write("a", payload("old"));
  const [file] = await files();
  const sealed = await readFile(file!);
  for (const bytes of [0, 1, 40, sealed.length]) {
    await writeFile(join(directory, "records", `.half-${bytes}`), sealed.subarray(0, bytes));
  }
  expect(await readTexts()).toEqual(["old"]);
  expect(await files()).toEqual([file]);
  expect(told).toEqual([]);
});

test("an unreadable file does not prevent the start: it is reported, and the others are read", async () => {
  const records = await openRecords();
  await records.write("a", payload("whole"));
  const unreadable = Buffer.concat([Buffer.from(join(directory, "records", "x")), Buffer.from([0xff])]); // A name that is no text.
  await writeFile(unreadable, "x");
  expect(await readTexts()).toEqual(["whole"]);
  expect(told).toEqual(["it cannot be read: there is no such file, nor be moved"]);
});

/** No path below the folder leads anywhere until the returned function is called: reads fail, and not for want of a file. */
function breakFolder(folder: string): () => void {
  const path = join(directory, folder);
  renameSync(path, `${path}-away`);
  symlinkSync(folder, path); // To itself.
  return () => {
    rmSync(path);
    renameSync(`${path}-away`, path);
  };
}

describe("a record that the system fails to read", () => {
  test("is not taken for a missing one, and is there afterwards", async () => {
    const records = await openRecords();
    await records.write("a", payload("one"));
    const mend = breakFolder("records");
    await expect(records.read("a")).rejects.toThrow(/cannot be read \(ELOOP\)/);
    mend();
    expect((await records.read("a"))?.reveal().toString()).toBe("one");
  });

  test.each([
    ["of credentials stays for the next start", "records", "it cannot be read: ELOOP; it stays for the next start"],
    [
      "that is a copy is set aside: what ends it would not find it",
      "offline",
      "it cannot be read: ELOOP, nor be moved",
    ],
  ] as const)("at the start, and %s", async (_what, folder, because) => {
    const records = await openRecords({}, key, folder);
    await records.write("a", payload("one"));
    await writeFile(join(directory, folder, "!"), "x"); // No record, and the first by name.
    let mend: (() => void) | undefined;
    const starting = recordsOf({}, key, folder, () => (mend ??= breakFolder(folder)));
    expect(await readAll(starting)).toEqual([]);
    mend!();
    expect(told).toEqual(["it is no record, or only part of one", because]);
    expect(await readTexts({}, key, folder)).toEqual(["one"]);
  });
});

describe("an abandoned record", () => {
  const day = 24 * 60 * 60_000;

  async function abandoned() {
    await (await openRecords()).write("a", payload("one"));
    wall = Date.now();
    const records = recordsOf();
    const [found] = await readAll(records);
    records.abandon(found!.name);
    return records;
  }

  test("is removed after a day", async () => {
    const records = await abandoned();
    wall += day - 60_000;
    records.prune();
    expect(await files()).toHaveLength(1);
    wall += 120_000;
    records.prune();
    expect(await files()).toEqual([]);
  });

  test("counts its day from when it was written, across restarts", async () => {
    await abandoned();
    wall += day + 60_000;
    const records = recordsOf();
    const [found] = await readAll(records);
    records.abandon(found!.name);
    records.prune();
    expect(await files()).toEqual([]);
  });

  test("and is written again, is a record as any other", async () => {
    const records = await abandoned();
    await records.write("a", payload("two"));
    wall += 2 * day;
    records.prune();
    expect(await readTexts()).toEqual(["two"]);
  });
});

test("a directory open to others is not used", async () => {
  await openRecords();
  await chmod(join(directory, "records"), 0o755);
  await expect(readAll(recordsOf())).rejects.toThrow("is open to others");
});

async function flip(file: string, at: number): Promise<void> {
  const bytes = await readFile(file);
  bytes[at]! ^= 4;
  await writeFile(file, bytes);
}
