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
  [{ NODE_DEBUG: "ht*" }, [], "NODE_DEBUG with http, https, http2"],
  [{ NODE_DEBUG: "fs,*TP2" }, [], "NODE_DEBUG with http2"],
  [{ NODE_DEBUG: "h*t*s" }, [], "NODE_DEBUG with https"],
  [{ NODE_DEBUG: "**l*" }, [], "NODE_DEBUG with tls"],
  [{ NODE_DEBUG: "stream" }, [], "NODE_DEBUG with stream"],
  [{ NODE_DEBUG_NATIVE: "http2session" }, [], "NODE_DEBUG_NATIVE"],
  [{ NODE_OPTIONS: "--require /tmp/x.cjs" }, [], "--require in NODE_OPTIONS loads code"],
  [{ NODE_OPTIONS: "-r /tmp/x.cjs" }, [], "-r in NODE_OPTIONS loads code"],
  [{ NODE_OPTIONS: "--import=data:text/javascript,x" }, [], "--import in NODE_OPTIONS"],
  [{ NODE_OPTIONS: "--experimental_loader ./x.js" }, [], "--experimental-loader in NODE_OPTIONS"],
  [{ NODE_OPTIONS: "--abort-on-uncaught-exception" }, [], "core dump"],
  [{}, ["--abort_on_uncaught_exception"], "core dump"],
])("does not start with %j %j", (env, execArgv, reason) => {
  expect(startRefusals({ env, execArgv })).toEqual([expect.stringContaining(reason)]);
});

test("starts with what does no harm", () => {
  const env = { NODE_TLS_REJECT_UNAUTHORIZED: "1", NODE_OPTIONS: "--max-semi-space-size=1", NODE_DEBUG: "fs,h*q,tlsx" };
  expect(startRefusals({ env, execArgv: ["--enable-source-maps", "--import=./own.js"] })).toEqual([]);
});
