import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../dev/testing/rpc-server.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { keyFileChanges, readKeyFile } from "./key-file.js";

const never = new AbortController().signal;
const key = randomBytes(32);
const long = randomBytes(48);

async function fileWith(contents: Buffer | string): Promise<string> {
  const path = join(await temporaryDirectory(), "key");
  await writeFile(path, contents);
  return path;
}

test.each<[string, Buffer | string, Buffer]>([
  ["raw bytes", key, key],
  ["more raw bytes", long, long],
  ["base64", `${key.toString("base64")}\n`, key],
  ["base64 without padding", key.toString("base64").replace("=", ""), key],
  ["hex", `${key.toString("hex")}\r\n`, key],
  ["hex in capitals", key.toString("hex").toUpperCase(), key],
])("takes %s", async (_what, contents, expected) => {
  expect((await readKeyFile(await fileWith(contents), never)).reveal()).toEqual(expected);
});

test.each<[string, Buffer | string, number]>([
  ["an empty file", "", 0],
  ["a short key", key.subarray(1), 31],
  ["a short key as hex", key.subarray(17).toString("hex"), 15],
  ["half a key as hex, which is 32 characters", `${key.subarray(16).toString("hex")}\n`, 16],
  ["a short key as base64, which is 32 characters", `${key.subarray(8).toString("base64")}\n`, 24],
])("refuses %s and says how to make one", async (_what, contents, bytes) => {
  const path = await fileWith(contents);
  await expect(readKeyFile(path, never)).rejects.toMatchObject({
    code: "invalid_request",
    message: `the key file ${path} holds ${bytes} bytes, not the 32 random ones it should; make one with: head -c 32 /dev/urandom > ${path}`,
  });
});

test("a file that is not there is named", async () => {
  const path = join(await temporaryDirectory(), "none");
  await expect(readKeyFile(path, never)).rejects.toThrow(`the key file ${path} cannot be read: there is no such file`);
});

test("a reader that gives up gets the reason", async () => {
  const reason = new Error("enough");
  await expect(readKeyFile(await fileWith(key), AbortSignal.abort(reason))).rejects.toBe(reason);
});

test("a file that is replaced is read within a minute, and one that is unusable fails", async () => {
  const path = await fileWith(key);
  const clock = new FakeClock();
  const changes = keyFileChanges(path, clock, never);
  const next = async () => {
    // Together: a reading that fails while the clock advances is one that something waits for.
    const [{ value }] = await Promise.all([changes.next(), clock.advance(60_000)]);
    return value.reveal();
  };
  expect(await next()).toEqual(key);
  await writeFile(path, long);
  expect(await next()).toEqual(long);
  await writeFile(path, "");
  await expect(next()).rejects.toMatchObject({ code: "invalid_request" });
});
