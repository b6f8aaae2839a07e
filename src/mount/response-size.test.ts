import { expect, test } from "vitest";
import { Redacted } from "../shared/redacted.js";
import { EventLoopScheduler } from "../shared/event-loop-scheduler.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { checkResponseSize, wireBytes } from "./response-size.js";
import { Yielder } from "./yielder.js";

const file = (path: string, bytes: number) => ({ path, mode: 0o644, contents: new Redacted(Buffer.alloc(bytes)) });

test("a file's path counts twice beside its bytes, as it is sent as path and as id", () => {
  expect(wireBytes([file("ä", 10), file("bc", 0)])).toBe(10 + 4 + 80 + 4 + 80);
  expect(checkResponseSize([file("a", 10)], 92)).toBe(92);
  expect(() => checkResponseSize([file("a", 10)], 91)).toThrow("are 92 bytes, more than the 91");
});

test("thousands of empty files with long paths are not made to their end", () => {
  const yielder = new Yielder({
    clock: new FakeClock(),
    scheduler: new EventLoopScheduler(new FakeClock()),
    tenant: "shop",
    responseBytes: 1_000_000,
    made: () => {},
  });
  const folder = () => yielder.add(Array.from({ length: 200 }, (_, index) => file(`${index}`.padEnd(4_000, "x"), 0)));
  folder();
  expect(folder).toThrow("the files of this volume are");
});
