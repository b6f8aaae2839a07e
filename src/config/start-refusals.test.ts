import { expect, test } from "vitest";
import { startRefusals } from "./start-refusals.js";

test.each<[Record<string, string>, string[], string]>([
  [{ NODE_TLS_REJECT_UNAUTHORIZED: "0" }, [], "certificate checks"],
  [{ NODE_OPTIONS: "--inspect" }, [], "inspector"],
  [{ NODE_OPTIONS: "--max-old-space-size=64 --inspect-brk=0.0.0.0:9229" }, [], "--inspect-brk in NODE_OPTIONS"],
  [{ NODE_OPTIONS: ' "--inspect_wait"' }, [], "--inspect-wait"],
  [{ NODE_OPTIONS: "--tls-keylog=/tmp/keys" }, [], "--tls-keylog"],
  [{}, ["--inspect=9229"], "the command line of node"],
  [{}, ["--trace-tls"], "--trace-tls"],
  [{ NODE_OPTIONS: "--heapsnapshot-signal=SIGUSR2" }, [], "writes all memory to a file"],
  [{}, ["--heapsnapshot-near-heap-limit=1"], "--heapsnapshot-near-heap-limit"],
  [{ NODE_DEBUG: "net,http" }, [], "NODE_DEBUG"],
  [{ NODE_DEBUG: "*" }, [], "NODE_DEBUG"],
])("does not start with %j %j", (env, execArgv, reason) => {
  expect(startRefusals({ env, execArgv })).toEqual([expect.stringContaining(reason)]);
});

test("starts with what does no harm", () => {
  const env = { NODE_TLS_REJECT_UNAUTHORIZED: "1", NODE_OPTIONS: "--max-semi-space-size=1", NODE_DEBUG: "fs" };
  expect(startRefusals({ env, execArgv: ["--enable-source-maps"] })).toEqual([]);
});
