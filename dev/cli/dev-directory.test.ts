import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { devTokenSocket } from "../../src/cli/dev-tokens.js";
import { temporaryDirectory } from "../testing/rpc-server.js";
import { openDevDirectory, openTemporaryDirectory } from "./dev-directory.js";

/** The name below a temporary directory, or an absolute path; `make` prepares it. */
const unusable: readonly [what: string, name: string, reason: RegExp, make?: (path: string) => Promise<unknown>][] = [
  [
    "a file",
    "file",
    /: a file is in its place, .*; choose another directory with --dir$/,
    (path) => writeFile(path, ""),
  ],
  [
    "below a file",
    "file/x",
    /: a file is in its place, or in that of a directory above it; /,
    (path) => writeFile(join(path, ".."), ""),
  ],
  [
    "far below a file",
    "file/x/y",
    /: a file is in its place, or in that of a directory above it; /,
    (path) => writeFile(join(path, "../.."), ""),
  ],
  ["a device", "/dev/null", /: a file is in its place, /],
  ["a link that ends nowhere", "link", /: no directory can be made there; /, (path) => symlink("/nowhere/x", path)],
  ["a circle of links", "link", /: its links go in a circle; /, (path) => symlink(path, path)],
  ["/proc", "/proc", /: it holds other files \(1, .*, …\); choose an empty directory with --dir$/],
  ["below /proc", "/proc/nope", /: no directory can be made there; /],
  ["far below /proc", "/proc/a/b/c", /: no directory can be made there; /],
  ["below /sys", "/sys/nope", /: (this user may not write there|it is on a read-only file system); /],
  ["a process", "/proc/self", /: it holds other files \(arch_status|attr, .*, …\); /],
  ["/sys", "/sys", /: it holds other files /],
  [
    "a name that is too long",
    "x".repeat(300),
    /: a socket in it would have a path of 3\d\d bytes, and 107 are the most; /,
  ],
  [
    "a path that is too long",
    "nested/".repeat(14),
    /: a socket in it would have a path of 1\d\d bytes, and 107 are the most; choose a shorter path with --dir$/,
  ],
  [
    "a directory with other files",
    "project",
    /: it holds other files \(class\.yaml\); choose an empty directory with --dir$/,
    async (path) => {
      await mkdir(path);
      await writeFile(join(path, "class.yaml"), "mine");
    },
  ],
];

test.each(unusable)("%s is refused, and left as it is", async (_, name, reason, make) => {
  const path = name.startsWith("/") ? name : join(await temporaryDirectory(), name);
  await make?.(path);
  const refusal = openDevDirectory(path);
  await expect(refusal).rejects.toMatchObject({ code: "invalid_request" });
  await expect(refusal).rejects.toThrow(`${path} cannot be used: `);
  await expect(refusal).rejects.toThrow(reason);
  if (name === "project") expect(await readFile(join(path, "class.yaml"), "utf8")).toBe("mine");
});

test.each<[what: string, name: string, make?: (path: string) => Promise<unknown>]>([
  ["a new one", "new"],
  ["a new one in new ones", "a/b/c"],
  ["an empty one", "empty", (path) => mkdir(path)],
  ["the longest that sockets allow", "longest"],
  ["a link to one", "link"],
])("%s is taken, again with what a person added to it", async (what, name, make) => {
  const base = await temporaryDirectory();
  const most = 107 - "/dev-tokens.sock".length;
  const path = what.startsWith("the longest") ? join(base, "x".repeat(most - base.length - 1)) : join(base, name);
  if (what === "a link to one") {
    await mkdir(join(base, "there"));
    await symlink(join(base, "there"), path);
  } else await make?.(path);
  const { socketPath } = await openDevDirectory(path);
  expect(socketPath).toBe(join(path, "vault.sock"));
  await writeFile(join(path, "mine.yaml"), "");
  await openDevDirectory(path);
  expect(await readdir(path)).toEqual([".keymount-dev", "mine.yaml"]);
});

test("a temporary one is removed, and is refused like any other", async () => {
  const base = await temporaryDirectory();
  vi.stubEnv("TMPDIR", base);
  onTestFinished(() => void vi.unstubAllEnvs());
  const temporary = await openTemporaryDirectory();
  expect(await readdir(base)).toHaveLength(1);
  await writeFile(join(temporary.path, "class.yaml"), "");
  await temporary.remove();
  expect(await readdir(base)).toEqual([]);
  vi.stubEnv("TMPDIR", join(base, "nowhere"));
  await expect(openTemporaryDirectory()).rejects.toThrow(
    `${base}/nowhere cannot be used: no directory can be made there; choose another directory with --dir`,
  );
});

test("one that another keymount dev runs in is refused", async () => {
  const path = await temporaryDirectory();
  const { socketPath } = await openDevDirectory(path);
  const other = createServer((connection) => connection.end());
  await new Promise<void>((resolve) => other.listen(devTokenSocket(socketPath), resolve));
  onTestFinished(() => void other.close());
  await expect(openDevDirectory(path)).rejects.toThrow(
    `${path} cannot be used: another keymount dev runs in it; choose another directory with --dir`,
  );
});
