import { expect, test } from "vitest";
import type { ProviderError } from "../shared/errors.js";
import { captureLog } from "../../dev/testing/capture-log.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { UncaughtExceptions } from "./uncaught-exceptions.js";

function watched() {
  const ended: ProviderError[] = [];
  const clock = new FakeClock();
  const { log, lines } = captureLog();
  const uncaught = new UncaughtExceptions({ log, clock, giveUp: (reason) => ended.push(reason) });
  let counted = 0;
  return { uncaught, clock, ended, lines, counted: () => counted, serve: () => uncaught.survive(() => counted++) };
}

test("one while serving is logged with its places, counted, and ends nothing", () => {
  const { uncaught, ended, lines, counted, serve } = watched();
  serve();
  uncaught.note(Object.assign(new Error("canary"), { code: "ERR_HTTP2_INVALID_STREAM" }));
  expect({ ended, counted: counted() }).toEqual({ ended: [], counted: 1 });
  expect(lines()).toEqual([
    expect.objectContaining({
      level: "error",
      error: "Error ERR_HTTP2_INVALID_STREAM",
      stack: expect.stringMatching(/^at uncaught-exceptions\.test\.ts:\d+:\d+/) as string,
      msg: "uncaught error; the call that it belongs to fails",
    }),
  ]);
  expect(JSON.stringify(lines())).not.toContain("canary");
});

test.each([
  ["before serving", false, new Error("x"), "an error was not caught during the start"],
  ["of Node's own state", true, { code: "ERR_INTERNAL_ASSERTION" }, "Node itself failed, or has no memory"],
  ["of memory", true, { code: "ERR_MEMORY_ALLOCATION_FAILED" }, "Node itself failed, or has no memory"],
])("one %s ends the process, once", (_name, serving, error, reason) => {
  const { uncaught, ended, serve } = watched();
  if (serving) serve();
  uncaught.note(error);
  uncaught.note(error);
  expect(ended.map(({ message }) => message)).toEqual([`keymount ends: ${reason}`]);
});

test("ten in a minute are survived, as often as they come, and eleven are not", async () => {
  const { uncaught, clock, ended, serve } = watched();
  serve();
  for (let minutes = 0; minutes < 5; minutes++) {
    for (let n = 0; n < 10; n++) uncaught.note(undefined);
    await clock.advance(60_000);
  }
  expect(ended).toEqual([]);
  for (let n = 0; n < 11; n++) uncaught.note(undefined);
  expect(ended.map(({ message }) => message)).toEqual(["keymount ends: 11 errors within a minute were not caught"]);
});

test("one that cannot be logged ends the process, and throws nothing", () => {
  const ended: ProviderError[] = [];
  const { log } = captureLog();
  log.error = () => {
    throw new Error("no space");
  };
  const uncaught = new UncaughtExceptions({ log, clock: new FakeClock(), giveUp: (reason) => ended.push(reason) });
  uncaught.survive(() => {});
  uncaught.note(new Error("x"));
  expect(ended).toHaveLength(1);
});
