import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { imageFlags } from "../../dev/testing/image.js";
import { oldSpaceBytes } from "./heap-room.js";
import { loadOptions } from "./load-options.js";

const mebibyte = 2 ** 20;
const imageHeap = Number(/--max-old-space-size=(\d+)/.exec(imageFlags.join(" "))![1]) * mebibyte;

const load = (limits: string, heapBytes: number) =>
  loadOptions({
    argv: ["--vault-addr=https://vault:8200", "--config=k.yaml"],
    env: {},
    execArgv: [],
    heapBytes,
    readFile: () => `limits: ${limits}\n`,
  });

test.each<[string, string, number]>([
  ["the limits of a file that names none", "{}", imageHeap],
  ["a larger cache", "{bytes: 100Mi}", 150 * mebibyte],
  ["less in flight for a larger cache", "{bytes: 24Mi, inFlightBytes: 12Mi}", imageHeap],
])("the heap holds %s", (_, limits, heap) => {
  expect(() => load(limits, heap)).not.toThrow();
});

test.each<[string, string, number, string]>([
  ["a larger cache", "{bytes: 32Mi}", imageHeap, "52Mi together, and Node's heap of 64Mi has room for 40Mi"],
  ["more in flight", "{inFlightBytes: 1Gi}", imageHeap, "1040Mi together, and Node's heap of 64Mi has room for 40Mi"],
  ["anything in a tiny heap", "{}", 16 * mebibyte, "36Mi together, and Node's heap of 16Mi has room for 0Mi"],
])("serve does not start with %s than the heap holds", (_, limits, heap, message) => {
  expect(() => load(limits, heap)).toThrow(`limits.bytes and limits.inFlightBytes are ${message}`);
});

test.each<[string, { execArgv?: string[]; NODE_OPTIONS?: string; limit?: number }, number]>([
  ["the command line of node", { execArgv: ["--max-old-space-size=64", "--expose-gc"] }, 64],
  ["the last of several", { execArgv: ["--max-old-space-size=64", "--max_old_space_size=96"] }, 96],
  ["NODE_OPTIONS", { NODE_OPTIONS: '--enable-source-maps "--max-old-space-size=80"' }, 80],
  [
    "the command line before NODE_OPTIONS",
    { execArgv: ["--max-old-space-size=64"], NODE_OPTIONS: "--max-old-space-size=80" },
    64,
  ],
  ["V8's own limit, where neither says", { execArgv: ["--max-semi-space-size=4"] }, 4144],
  ["V8's own limit, where that is less", { execArgv: ["--max-old-space-size=64"], limit: 50 }, 50],
])("what lasts has the heap of %s", (_, { execArgv = [], NODE_OPTIONS, limit = 4144 }, expected) => {
  const env = { ...(NODE_OPTIONS !== undefined && { NODE_OPTIONS }) };
  expect(oldSpaceBytes({ env, execArgv }, limit * mebibyte)).toBe(expected * mebibyte);
});

test("the image's heap is that of its flag, although V8 gives a larger limit", () => {
  const program = "JSON.stringify([process.execArgv, v8.getHeapStatistics().heap_size_limit])";
  const printed = execFileSync(process.execPath, [...imageFlags, "-p", program], { encoding: "utf8", env: {} });
  const [execArgv, limit] = JSON.parse(printed) as [string[], number];
  expect(limit).toBeGreaterThan(imageHeap);
  expect(oldSpaceBytes({ env: {}, execArgv }, limit)).toBe(imageHeap);
});
