import { expect, test } from "vitest";
import { FakeClock } from "../testing/fake-clock.js";
import { Break, NotSeen } from "./breaks.js";
import { Path } from "./path.js";
import { type Report, Round } from "./round.js";

function start(signal = new AbortController().signal, stepMs = 1_000) {
  const reports: Report[] = [];
  const clock = new FakeClock();
  return { reports, clock, round: new Round({ clock, stepMs, report: (report) => reports.push(report) }, signal) };
}

const passing = async () => ({ value: 1, facts: ["seen"] });

test("what an act throws becomes a report, and a stranger's words stay out of it", async () => {
  const { reports, round } = start();
  const thrown = [new Break("dns.absent", "no such name"), new NotSeen("not from here"), new Error("canary")];
  for (const error of thrown) {
    expect(
      await round.look({ step: "dns", otherwise: "dns.silent", act: () => Promise.reject(error) }),
    ).toBeUndefined();
  }
  expect(reports).toMatchObject([
    { result: "broken", break: "dns.absent", what: "no such name", who: "the cluster's operator" },
    { result: "not looked at", because: "not from here" },
    { result: "broken", break: "dns.silent", what: "internal error" },
  ]);
});

test("a step that takes too long is broken as it says, and is told to end", async () => {
  const { reports, round } = start(undefined, 10);
  let ended = false;
  const act = (signal: AbortSignal) =>
    new Promise<never>(() => signal.addEventListener("abort", () => (ended = true), { once: true }));
  await round.look({ step: "tcp", otherwise: "tcp.unreachable", act });
  expect(reports).toMatchObject([{ result: "broken", break: "tcp.unreachable", what: "no answer within 0.01 s" }]);
  expect(ended).toBe(true);
});

test("several things are looked at at once, and reported in their order", async () => {
  const { reports, clock, round } = start();
  const looked = round.each([300, 100], (ms, branch) =>
    branch.look({
      step: "object",
      subject: String(ms),
      otherwise: "object.failed",
      act: async (signal) => {
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

test("on a path, what comes after a break is not looked at", async () => {
  const { reports, round } = start();
  const path = new Path(round);
  expect(await path.look({ step: "dns", otherwise: "dns.silent", act: passing })).toBe(1);
  await path.look({ step: "tcp", otherwise: "tcp.refused", act: () => Promise.reject(new NotSeen("dark")) });
  await path.look({ step: "tls", otherwise: "tls.no-tls", act: passing });
  expect(reports).toMatchObject([
    { result: "passed" },
    { result: "not looked at", because: "dark" },
    { step: "tls", result: "not looked at", because: "needs tcp first" },
  ]);
});

test("interrupted, it ends with the reason and reports nothing more", async () => {
  const controller = new AbortController();
  const { reports, round } = start(controller.signal);
  const reason = new Error("stopped");
  const act = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(new Error("late"))));
  const looked = round.look({ step: "dns", otherwise: "dns.silent", act });
  controller.abort(reason);
  await expect(looked).rejects.toBe(reason);
  await expect(round.look({ step: "tcp", otherwise: "tcp.refused", act: passing })).rejects.toBe(reason);
  expect(reports).toEqual([]);
});
