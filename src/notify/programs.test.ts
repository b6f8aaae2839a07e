import { expect, test } from "vitest";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { NotStarted, type Program, type ProgramOptions, startProgram } from "./program.js";
import { runCommand } from "./run-command.js";
import { SupervisedProgram } from "./supervised-program.js";

/** Programs that end when the test, or a signal that they heed, says so. */
class FakePrograms {
  readonly started: { words: string; options?: ProgramOptions; exit: (code: number) => void; signals: string[] }[] = [];
  heeds: readonly string[] = ["SIGTERM", "SIGKILL"];

  start = (words: readonly string[], options?: ProgramOptions): Program => {
    let exit!: (code: number) => void;
    const exited = new Promise<number>((resolve) => (exit = resolve));
    const signals: string[] = [];
    this.started.push({ words: words.join(" "), ...(options && { options }), exit, signals });
    const kill = (signal: string) => {
      signals.push(signal);
      if (this.heeds.includes(signal)) exit(signal === "SIGKILL" ? 137 : 143);
    };
    return { exited, kill };
  };

  get last() {
    return this.started.at(-1)!;
  }
}

function running(heeds?: readonly string[]) {
  const clock = new FakeClock();
  const programs = new FakePrograms();
  if (heeds) programs.heeds = heeds;
  const stop = new AbortController();
  const run = { command: ["reload", "--now"], timeoutMs: 30_000 };
  const outcome = runCommand(run, ["/a", "/b"], { start: programs.start, clock }, stop.signal).catch(
    (error: Error) => error.message,
  );
  return { clock, programs, stop, outcome };
}

test("a command gets the changed volumes, and runs in a group of its own", () => {
  const { programs } = running();
  expect(programs.last).toMatchObject({
    words: "reload --now",
    options: { environment: { KEYMOUNT_VOLUMES: "/a:/b" }, group: true },
  });
});

test.each([
  [0, "reload has run"],
  [3, "reload failed with exit code 3"],
])("exit code %i of a command is told", async (code, told) => {
  const { programs, outcome } = running();
  programs.last.exit(code);
  expect(await outcome).toBe(told);
});

test.each([
  ["SIGTERM", undefined, ["SIGTERM"]],
  ["SIGKILL, if it does not heed that", ["SIGKILL"], ["SIGTERM", "SIGKILL"]],
])("a command that takes too long gets %s", async (_what, heeds, signals) => {
  const { clock, programs, outcome } = running(heeds);
  await clock.advance(29_999);
  expect(programs.last.signals).toEqual([]);
  await clock.advance(6_000);
  expect(programs.last.signals).toEqual(signals);
  expect(await outcome).toBe("reload was ended: it ran for more than 30 s");
  expect(clock.timers).toBe(0);
});

test("a stop ends the command", async () => {
  const { programs, stop, outcome } = running();
  stop.abort(new Error("stopped"));
  expect(await outcome).toBe("stopped");
  expect(programs.last.signals).toEqual(["SIGTERM"]);
});

function supervised(heeds?: readonly string[]) {
  const clock = new FakeClock();
  const programs = new FakePrograms();
  if (heeds) programs.heeds = heeds;
  const program = new SupervisedProgram(() => programs.start(["app"]), { clock, stopMs: 30_000 });
  return { clock, programs, program };
}

test("the end of a program is ours, with its exit code", async () => {
  const { programs, program } = supervised();
  programs.last.exit(7);
  expect(await program.ended).toBe(7);
});

test.each(["SIGHUP", "SIGUSR1", "SIGWINCH", "SIGTERM"] as const)("%s is handed on", (name) => {
  const { programs, program } = supervised();
  program.signal(name);
  expect(programs.last.signals).toEqual([name]);
});

test.each([
  ["that heeds SIGTERM", undefined, ["SIGTERM"]],
  ["that does not", ["SIGKILL"], ["SIGTERM", "SIGKILL"]],
])("a restart of a program %s is no end", async (_what, heeds, signals) => {
  const { clock, programs, program } = supervised(heeds);
  const restarted = program.restart();
  await clock.advance(30_000);
  await restarted;
  expect(programs.started.map((one) => one.signals)).toEqual([signals, []]);
  programs.last.exit(3);
  expect(await program.ended).toBe(3);
});

test("a stop during a restart is the end", async () => {
  const { clock, programs, program } = supervised(["SIGKILL"]);
  const restarted = program.restart();
  await clock.advance(10_000);
  program.signal("SIGTERM");
  await clock.advance(30_000);
  await restarted;
  expect([await program.ended, programs.started.length]).toEqual([137, 1]);
});

test("after a stop there is no restart", async () => {
  const { programs, program } = supervised([]);
  program.signal("SIGINT");
  await program.restart();
  expect(programs.started).toHaveLength(1);
});

test.each([
  [["true"], 0],
  [["sh", "-c", "exit 9"], 9],
  [["sh", "-c", "kill -TERM $$"], 143],
  [["sh", "-c", '[ "$KEYMOUNT_VOLUMES" = /a ]'], 0],
])("a real program: %j gives %i", async (command, code) => {
  expect(await startProgram(command, { environment: { KEYMOUNT_VOLUMES: "/a" } }).exited).toBe(code);
});

test.each([
  ["/no/such/program", 127, "there is no such program here"],
  ["/etc", 126, "EACCES"],
])("%s cannot be started", async (program, code, why) => {
  const error = await startProgram([program]).exited.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(NotStarted);
  expect(error).toMatchObject({ exitCode: code, message: `${program} cannot be started: ${why}` });
});

test("a signal to the group reaches what a program has started", async () => {
  const program = startProgram(["sh", "-c", "sleep 60 | cat"], { group: true });
  program.kill("SIGTERM");
  expect(await program.exited).toBe(143);
});
