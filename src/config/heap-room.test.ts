import { expect, test } from "vitest";
import { imageFlags } from "../../dev/testing/image.js";
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
