import { mkdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { serveHttp } from "../../dev/testing/http-server.js";
import { temporaryDirectory } from "../../dev/testing/rpc-server.js";
import { parse } from "yaml";
import { commandTable } from "./command-table.js";
import { readArguments } from "./define-command.js";
import { notifyArguments } from "./notify-arguments.js";
import { notifyCommand } from "./notify.js";

/** A volume as AtomicWriter writes it; `swap` is its rename. */
async function volume(parent?: string) {
  const directory = join(parent ?? (await temporaryDirectory()), "volume");
  await mkdir(directory, { recursive: true });
  let version = 0;
  const swap = async () => {
    version += 1;
    await mkdir(join(directory, `..${version}`));
    await writeFile(join(directory, `..${version}`, "password"), `${version}`);
    await symlink(`..${version}`, join(directory, "..data_tmp"));
    await rename(join(directory, "..data_tmp"), join(directory, "..data"));
    if (version === 1) await symlink("..data/password", join(directory, "password"));
  };
  return { directory, swap };
}

function keymount(...argv: string[]) {
  const stop = new AbortController();
  let said = "";
  let onSignal: ((name: NodeJS.Signals) => void) | undefined;
  const io = {
    program: "keymount",
    stdout: { write: () => undefined },
    stderr: { write: (text: string) => (said += text) },
    readFile: (path: string) => readFile(path, "utf8"),
    takeSignals: (to: (name: NodeJS.Signals) => void) => {
      onSignal = to;
      return () => (onSignal = undefined);
    },
  };
  const code = notifyCommand.run([...argv], io, stop.signal);
  onTestFinished(async () => {
    stop.abort(new Error("stopped"));
    await code;
  });
  const until = (text: string, times = 1) =>
    vi.waitFor(() => expect(said.split(text).length - 1, said).toBe(times), { timeout: 20_000, interval: 20 });
  return {
    code,
    stop: () => stop.abort(new Error("stopped")),
    said: () => said,
    until,
    signal: (name: NodeJS.Signals) => onSignal!(name),
  };
}

const fast = ["--debounce", "100ms"];

test.each([
  ["the directory", [], "name the directory at which the volume is mounted"],
  ["what to do", ["/v"], "say what to do at a change: --signal, --http, --exec or --run"],
  ["one action", ["/v", "--signal", "HUP", "--http", "http://a"], "--signal and --http exclude each other"],
  ["one action of two with commands", ["/v", "--exec", "--run", "--", "x"], "--exec and --run exclude each other"],
  [
    "an action and the way to run",
    ["/v", "--http", "http://a", "--exec", "--", "x"],
    "--http and --exec exclude each other",
  ],
  ["whom to signal", ["/v", "--signal", "HUP"], "--signal needs --process NAME, or --run and a command"],
  ["which signal", ["/v", "--process", "nginx"], "--process needs --signal"],
  [
    "which process",
    ["/v", "--signal", "HUP", "--process", "x", "--run", "--", "x"],
    "--process and --run exclude each other",
  ],
  ["a signal that there is", ["/v", "--signal", "HUB", "--process", "x"], "there is no signal HUB"],
  ["the command to run", ["/v", "--run"], "--run needs a command after --"],
  ["the command at a change", ["/v", "--exec", "--"], "--exec needs a command after --"],
  ["what the command is for", ["/v", "--http", "http://a", "--", "x"], "a command after -- needs --exec or --run"],
  ["a URL", ["/v", "--http", "127.0.0.1/reload"], "--http must be a URL like http://127.0.0.1:8080/-/reload"],
  ["a URL of HTTP", ["/v", "--http", "file:///etc/passwd"], "--http must be a URL like"],
  ["when to run", ["/v", "--initial", "--run", "--", "x"], "--initial and --run exclude each other"],
  ["a duration", ["/v", "--debounce", "1", "--exec", "--", "x"], "--debounce must be a duration"],
])("wrong usage is told: %s", async (_what, argv, message) => {
  const { code, said } = keymount(...argv);
  expect(await code).toBe(2);
  expect(said()).toContain(message);
});

test("the words of a command are its own", async () => {
  const { directory, swap } = await volume();
  await swap();
  const { code } = keymount(
    directory,
    "--run",
    "--",
    "sh",
    "-c",
    'test "$*" = "--help --json -x"',
    "sh",
    "--help",
    "--json",
    "-x",
  );
  expect(await code).toBe(0);
});

test.each([
  ["a file", "volume/password", "volume/password is a file"],
  ["a directory with files of its own", "plain", "plain has files, but no ..data"],
])("%s never changes: the advice is not to use subPath", async (_what, path, message) => {
  const parent = await temporaryDirectory();
  await (await volume(parent)).swap();
  await mkdir(join(parent, "plain"));
  await writeFile(join(parent, "plain", "file"), "");
  const { code, said } = keymount(join(parent, path), "--exec", "--", "true");
  expect(await code).toBe(2);
  expect(said()).toContain(`${message}: what Kubernetes mounts by subPath never changes; mount the whole volume`);
});

test("a command runs once for each swap, sees the new file, and a stop ends it all", async () => {
  const { directory, swap } = await volume();
  const log = join(directory, "..", "log");
  const script = `echo "$KEYMOUNT_VOLUMES $(cat ${directory}/password)" >> ${log}`;
  const { code, until, stop } = keymount(directory, ...fast, "--exec", "--", "sh", "-c", script);
  await until("has no files yet: waiting for its volume");
  await swap();
  await until("is watched");
  for (const times of [1, 2, 3]) {
    await swap();
    await until("sh has run", times);
  }
  stop();
  expect(await code).toBe(0);
  expect(await readFile(log, "utf8")).toBe([2, 3, 4].map((version) => `${directory} ${version}\n`).join(""));
});

test("a failed command is told, and the next change runs it again", async () => {
  const { directory, swap } = await volume();
  await swap();
  const { until } = keymount(directory, ...fast, "--exec", "--", "sh", "-c", "exit 4");
  await until("is watched");
  await swap();
  await until("sh failed with exit code 4; the next change is awaited");
  await swap();
  await until("sh failed with exit code 4", 2);
});

test("two volumes that change together send one request", async () => {
  const [one, other] = [await volume(), await volume()];
  await Promise.all([one.swap(), other.swap()]);
  const requests: string[] = [];
  const server = await serveHttp((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    response.end();
  });
  onTestFinished(() => server.close());
  const { until, said } = keymount(
    one.directory,
    other.directory,
    "--debounce",
    "500ms",
    "--http",
    `${server.origin}/-/reload`,
  );
  await until("is watched", 2);
  await Promise.all([one.swap(), other.swap()]);
  await until("was answered with 200");
  expect(said()).toContain(
    `keymount notify: ${one.directory}, ${other.directory} changed: POST ${server.origin}/-/reload`,
  );
  expect(requests).toEqual(["POST /-/reload"]);
});

/** A program that writes what happens to it into a log. */
async function logging() {
  const { directory, swap } = await volume();
  await swap();
  const log = join(directory, "..", "log");
  const script = `trap 'echo hup >> ${log}' HUP; trap 'echo term >> ${log}; exit 5' TERM
    echo "start $(cat ${directory}/password)" >> ${log}; while :; do sleep 0.05; done`;
  const command = ["--", "sh", "-c", script];
  const logged = (lines: string[]) =>
    vi.waitFor(async () => expect(await readFile(log, "utf8")).toBe(lines.map((line) => `${line}\n`).join("")), {
      timeout: 20_000,
      interval: 20,
    });
  return { directory, swap, command, logged };
}

test("--run with --signal: the command gets it at a change, and other signals when they come; its exit code is ours", async () => {
  const { directory, swap, command, logged } = await logging();
  const { code, signal, until } = keymount(directory, ...fast, "--signal", "hup", "--run", ...command);
  await logged(["start 1"]);
  await swap();
  await until("SIGHUP sent to the command");
  await logged(["start 1", "hup"]);
  signal("SIGTERM");
  expect(await code).toBe(5);
  await logged(["start 1", "hup", "term"]);
});

test("--run alone: the command is restarted at a change", async () => {
  const { directory, swap, command, logged } = await logging();
  const { code, stop, until } = keymount(directory, ...fast, "--run", ...command);
  await logged(["start 1"]);
  await swap();
  await until("the command was restarted");
  await logged(["start 1", "term", "start 2"]);
  stop();
  expect(await code).toBe(5);
});

test.each([
  ["does not exist", "/no/such/program", 127],
  ["cannot be executed", "/etc", 126],
])("--run of a program that %s", async (_what, program, exit) => {
  const { directory, swap } = await volume();
  await swap();
  const { code, said } = keymount(directory, "--run", "--", program);
  expect(await code).toBe(exit);
  expect(said()).toContain(`keymount notify: ${program} cannot be started`);
});

const root = new URL("../../", import.meta.url);
const written = ["docs/operations.md", "docs/migration.md", "deploy/examples/notify.yaml"].flatMap((file) =>
  [...readFileSync(new URL(file, root), "utf8").matchAll(/args: (\[notify[^\]]*\])/g)].map(
    ([, args]) => [file, parse(args!) as string[]] as const,
  ),
);

test("the documents have examples", () => expect(written).toHaveLength(6));
test.each(written)("%s: %j is used rightly", (_file, [, ...argv]) => {
  expect(() => notifyArguments(readArguments(argv, commandTable.notify))).not.toThrow();
});
