import { chown, lstat, readdir, rm, stat, writeFile } from "node:fs/promises";
import { type Server, createServer } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { temporaryDirectory } from "../../dev/testing/rpc-server.js";
import { testAsRoot } from "../../dev/testing/test-as-root.js";
import { until } from "../../dev/testing/until.js";
import { StateLock } from "./state-lock.js";

const never = new AbortController().signal;
const neverAborted = () => new AbortController().signal;
let names = 0;
const lockIn = (directory: string) => {
  const lock = new StateLock(directory, () => `${process.pid}-${(names += 1)}`);
  onTestFinished(() => lock.release());
  return lock;
};
const server = (): Server => createServer((_request, response) => response.end("answer"));

/** A socket without a listener, as a killed process leaves it. */
async function leaveDeadSocket(path: string): Promise<void> {
  const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  await once(spawn(process.execPath, ["-e", script]), "exit");
}

test("one has it, the others do not, until it is released", async () => {
  const directory = await temporaryDirectory();
  const [first, second] = [lockIn(directory), lockIn(directory)];
  expect(await first.take(server(), never)).toBe(true);
  expect(await second.take(server(), never)).toBe(false);
  expect(await first.stillOurs()).toBe(true);
  await first.release();
  expect(await second.take(server(), never)).toBe(true);
  expect((await readdir(directory)).sort()).toEqual(["lock", "lock.2"]);
});

test("one that is released is free at once, even where a child that was forked just before still has its socket", async () => {
  const directory = await temporaryDirectory();
  const lock = lockIn(directory);
  await lock.take(server(), never);
  await lock.release();
  expect((await lstat(`${lock.path}.1`)).isSocket()).toBe(false);
});

test("only its owner may speak to it", async () => {
  const directory = await temporaryDirectory();
  const lock = lockIn(directory);
  await lock.take(server(), never);
  expect((await stat(lock.path)).mode & 0o777).toBe(0o600);
});

test("a dead process's is taken over", async () => {
  const directory = await temporaryDirectory();
  await leaveDeadSocket(join(directory, "lock"));
  expect(await lockIn(directory).take(server(), never)).toBe(true);
});

test("of many who come to a dead lock at once, one gets it", async () => {
  for (let round = 0; round < 10; round += 1) {
    const directory = await temporaryDirectory();
    await leaveDeadSocket(join(directory, "lock"));
    const locks = Array.from({ length: 12 }, () => lockIn(directory));
    const taken = await Promise.all(locks.map((lock) => lock.take(server(), neverAborted())));
    expect(taken.filter(Boolean)).toHaveLength(1);
    expect(await locks[taken.indexOf(true)]!.stillOurs()).toBe(true);
  }
});

test("while processes come, end and die, no two have it", async () => {
  const directory = await temporaryDirectory();
  let owners = 0;
  let taken = 0;
  const comeAndGo = async (diesEvery: number) => {
    for (let n = 1; n <= 100; n += 1) {
      const lock = lockIn(directory);
      const own = server();
      if (!(await lock.take(own, neverAborted()))) continue;
      taken += 1;
      expect((owners += 1)).toBe(1);
      expect(await lock.stillOurs()).toBe(true);
      owners -= 1;
      // A dead one listens no more, and leaves what it has made.
      if (taken % diesEvery === 0) await new Promise((resolve) => own.close(resolve));
      else await lock.release();
    }
  };
  await Promise.all([2, 2, 3, 3, 5, 5].map(comeAndGo));
  expect(taken).toBeGreaterThan(20);
  expect((await readdir(directory)).filter((name) => name !== "lock")).toEqual([`lock.${taken}`]);
});

test("one whose term somebody has removed is alive all the same", async () => {
  const directory = await temporaryDirectory();
  const [first, second] = [lockIn(directory), lockIn(directory)];
  await first.take(server(), never);
  await rm(`${first.path}.1`);
  expect(await second.take(server(), never)).toBe(false);
});

/** Root without capabilities, as the image has it, may connect to no other user's socket. */
testAsRoot("whose directory was given to another user has lost it", async () => {
  const directory = await temporaryDirectory();
  const lock = lockIn(directory);
  await lock.take(server(), never);
  await chown(lock.path, 12345, 12345);
  const command = ["--bounding-set=-all", "--inh-caps=-all", process.execPath, "scripts/run-ts.js"];
  const { stdout } = await promisify(execFile)("setpriv", [...command, "dev/testing/take-lock.ts", directory]);
  expect(stdout).toBe("true\n");
  expect(await lock.stillOurs()).toBe(false);
});

test("a server that did not get it can try again", async () => {
  const directory = await temporaryDirectory();
  const [first, second] = [lockIn(directory), lockIn(directory)];
  const waiting = server();
  await first.take(server(), never);
  expect(await second.take(waiting, never)).toBe(false);
  await first.release();
  expect(await second.take(waiting, never)).toBe(true);
});

test("one whose socket was replaced knows", async () => {
  const directory = await temporaryDirectory();
  const lock = lockIn(directory);
  await lock.take(server(), never);
  await rm(lock.path);
  await writeFile(lock.path, "");
  expect(await lock.stillOurs()).toBe(false);
});

test.each([
  ["says nothing", "", ""],
  ["is in the middle of a request", "GET / HT", ""],
  ["keeps its connection after an answer", "GET / HTTP/1.1\r\nHost: lock\r\n\r\n", "answer"],
])("a release does not wait for a client that %s: its connection ends", async (_what, said, answered) => {
  const directory = await temporaryDirectory();
  const lock = lockIn(directory);
  const taken = server();
  await lock.take(taken, never);
  const accepted = once(taken, "connection");
  const client = connect(lock.path).on("error", () => undefined);
  onTestFinished(() => void client.destroy());
  let heard = "";
  client.on("data", (piece: Buffer) => (heard += piece.toString()));
  client.write(said);
  await accepted;
  await until(() => heard.includes(answered));
  let isReleased = false;
  void lock.release().then(() => (isReleased = true));
  await until(() => isReleased);
  await until(() => client.destroyed);
});

test("a path too long for a socket is refused in words", () => {
  expect(() => new StateLock(`/${"x".repeat(110)}`, () => "u")).toThrow("too long a path for a socket");
});
