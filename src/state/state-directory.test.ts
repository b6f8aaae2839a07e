import { chmod, chown, mkdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { temporaryDirectory } from "../../dev/testing/rpc-server.js";
import { testAsRoot } from "../../dev/testing/test-as-root.js";
import { openStateDirectory } from "./state-directory.js";

const never = new AbortController().signal;
const open = (path: string, onDisk = true) => openStateDirectory({ path, onDisk }, never);

test("a missing directory is created, closed to other users", async () => {
  const path = join(await temporaryDirectory(), "a", "state");
  expect(await open(path)).toBe(path);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
});

test("one that is there and open to others is closed to them", async () => {
  const path = join(await temporaryDirectory(), "state");
  await mkdir(path, { mode: 0o755 });
  await open(path);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
});

test.each<[string, (path: string) => Promise<unknown> | void, RegExp]>([
  ["a file", (path) => writeFile(path, ""), /cannot be made: there is a file of that name already|is no directory/],
  ["a symbolic link", (path) => symlink("/tmp", path), /is no directory, or a symbolic link/],
])("%s is refused", (_what, prepare, message) => isRefused(prepare, message));

testAsRoot("another user's is refused", () =>
  isRefused(async (path) => (await mkdir(path), await chown(path, 12345, 0)), /belongs to user 12345/),
);

async function isRefused(prepare: (path: string) => Promise<unknown> | void, message: RegExp): Promise<void> {
  const path = join(await temporaryDirectory(), "state");
  await prepare(path);
  await expect(open(path)).rejects.toThrow(message);
}

test("one in a directory that others may change is refused: they could replace it", async () => {
  const parent = join(await temporaryDirectory(), "shared");
  await mkdir(parent);
  await chmod(parent, 0o777);
  await expect(open(join(parent, "state"))).rejects.toThrow(/which others than root may change/);
});

test.each(["state", "/tmp/../state", "/tmp/state/"])("%s is no clean absolute path", async (path) => {
  await expect(open(path)).rejects.toThrow("is not a clean absolute path");
});

test("a disk is refused unless the operator allows it", async () => {
  // procfs is no tmpfs on any machine, but nothing can be made in it; the sources lie on a disk.
  const path = join(import.meta.dirname, `.state-${process.pid}`);
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  await expect(open(path, false)).rejects.toThrow("allow it with --state-on-disk (chart: state.onDisk)");
});
