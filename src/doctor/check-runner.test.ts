import { expect, test } from "vitest";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { Problem, Skipped } from "./problems.js";
import { CheckChain } from "./check-chain.js";
import { type Report, CheckRunner } from "./check-runner.js";

function start(signal = new AbortController().signal, stepMs = 1_000) {
  const reports: Report[] = [];
  const clock = new FakeClock();
  return {
    reports,
    clock,
    runner: new CheckRunner({ clock, stepMs, report: (report) => reports.push(report) }, signal),
  };
}

const passing = async () => ({ value: 1, facts: ["seen"] });

test("what an act throws becomes a report, and a stranger's words stay out of it", async () => {
  const { reports, runner } = start();
  const thrown = [new Problem("dns.absent", "no such name"), new Skipped("not from here"), new Error("canary")];
  for (const error of thrown) {
    expect(
      await runner.check({ step: "dns", fallbackProblem: "dns.silent", run: () => Promise.reject(error) }),
    ).toBeUndefined();
  }
  expect(reports).toMatchObject([
    { result: "broken", problem: "dns.absent", what: "no such name", who: "the cluster administrator" },
    { result: "skipped", because: "not from here" },
    { result: "broken", problem: "dns.silent", what: "internal error" },
  ]);
});

test("a step that takes too long has its fallback problem, and is aborted", async () => {
  const { reports, clock, runner } = start(undefined, 5_000);
  let ended = false;
  const run = (signal: AbortSignal) =>
    new Promise<never>(() => signal.addEventListener("abort", () => (ended = true), { once: true }));
  const checked = runner.check({ step: "tcp", fallbackProblem: "tcp.unreachable", run });
  await clock.advance(5_000);
  await checked;
  expect(reports).toMatchObject([
    { result: "broken", problem: "tcp.unreachable", what: "no answer within 5 s", ms: 5_000 },
  ]);
  expect(ended).toBe(true);
});

test("several things are looked at at once, and reported in their order", async () => {
  const { reports, clock, runner } = start();
  const looked = runner.each([300, 100], (ms, branch) =>
    branch.check({
      step: "object",
      subject: String(ms),
      fallbackProblem: "object.failed",
      run: async (signal) => {
        await clock.sleep(ms, signal);
        return passing();
      },
    }),
  );
  await clock.advance(100);
  expect(reports).toEqual([]);
  await clock.advance(200);
  await looked;
  expect(reports.map(({ subject, ms }) => [subject, ms])).toEqual([
    ["300", 300],
    ["100", 100],
  ]);
});

test("on a path, what comes after a problem is skipped", async () => {
  const { reports, runner } = start();
  const path = new CheckChain(runner);
  expect(await path.check({ step: "dns", fallbackProblem: "dns.silent", run: passing })).toBe(1);
  await path.check({ step: "tcp", fallbackProblem: "tcp.refused", run: () => Promise.reject(new Skipped("dark")) });
  await path.check({ step: "tls", fallbackProblem: "tls.no-tls", run: passing });
  expect(reports).toMatchObject([
    { result: "passed" },
    { result: "skipped", because: "dark" },
    { step: "tls", result: "skipped", because: "needs tcp first" },
  ]);
});

test("interrupted, it ends with the reason and reports nothing more", async () => {
  const controller = new AbortController();
  const { reports, runner } = start(controller.signal);
  const reason = new Error("stopped");
  const run = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(new Error("late"))));
  const looked = runner.check({ step: "dns", fallbackProblem: "dns.silent", run });
  controller.abort(reason);
  await expect(looked).rejects.toBe(reason);
  await expect(runner.check({ step: "tcp", fallbackProblem: "tcp.refused", run: passing })).rejects.toBe(reason);
  expect(reports).toEqual([]);
});
