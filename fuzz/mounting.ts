import { inProcessRenderer } from "../dev/testing/in-process-renderer.js";
import { isDeepStrictEqual } from "node:util";
import type { status } from "@grpc/grpc-js";
import type { Connection } from "../src/config/connection.js";
import { ClassNotes } from "../src/daemon/class-notes.js";
import { reportTo } from "../src/daemon/event-reports.js";
import { type MountServiceParts, mount } from "../src/daemon/mount-service.js";
import { ClassCache } from "../src/mount/class-cache.js";
import { RequestsInFlight } from "../src/mount/requests-in-flight.js";
import type { SecretSource, Renderer } from "../src/mount/ports.js";
import { finalStatus } from "../src/rpc/status.js";
import type { Clock } from "../src/shared/clock.js";
import { ProviderError } from "../src/shared/errors.js";
import { EventLoopScheduler } from "../src/shared/event-loop-scheduler.js";
import { Redacted } from "../src/shared/redacted.js";
import { createLog } from "../src/telemetry/log.js";
import { Metrics } from "../src/telemetry/metrics.js";
import type { MountRequest, MountResponse } from "../src/wire/provider.js";
import { expectNoCanary } from "./canaries.js";
import { expectFinal } from "./final-code.js";

/** One for all targets, since it watches the process; its counts are not read. */
const metrics = new Metrics("1.2.3");

export type Outcome = { ok: true; response: MountResponse } | { ok: false; code: status; details: string };

/** Checks a text that leaves the process; `where` names the channel. */
export type OutputCheck = (where: string, text: string) => void;

export interface Mounting {
  answers: SecretSource;
  connection: Connection;
  clock: Clock;
  renderer?: Renderer;
}

/** The whole of a Mount short of the socket, and all that may be read of it outside. */
export class MountRoom {
  readonly #lines: string[] = [];
  readonly #log = createLog("trace", { write: (line) => void this.#lines.push(line) });
  /** Logs all events. */
  readonly emit = reportTo({ log: this.#log, metrics, classNotes: new ClassNotes(this.#log) });
  readonly #checkOutput: OutputCheck;

  constructor(checkOutput: OutputCheck = expectNoCanary) {
    this.#checkOutput = checkOutput;
  }

  /** Throws where a refusal is not one of ours with a final code, or where anything that leaves holds a canary. */
  async mount(
    request: MountRequest,
    { answers, connection, clock, renderer = inProcessRenderer }: Mounting,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const parts: MountServiceParts = {
      answers,
      renderer,
      clock,
      scheduler: new EventLoopScheduler(clock),
      versionKey: () => Promise.resolve(new Redacted(Buffer.alloc(32, 7))),
      responseBytes: 3 << 20,
      operator: { connections: [connection], defaultConnection: connection, classAddress: "refuse" },
      reading: { refreshIntervalMs: 120_000, classes: new ClassCache(1 << 20) },
      inFlight: new RequestsInFlight(32 << 20),
      minter: undefined,
      emit: this.emit,
    };
    const call = mount({ ...request }, parts, signal, AbortSignal.abort());
    const ended = () => ({ kind: "mountCalled" as const, durationMs: 1, summary: call.summary() });
    try {
      const response = await call.response;
      this.emit({ ...ended(), code: "ok" });
      this.#checkOutput("a version", JSON.stringify(response.objectVersion));
      return { ok: true, response };
    } catch (reason) {
      const error = ProviderError.from(reason);
      if (error.code === "internal") throw reason;
      this.emit({ ...ended(), code: error.code, error });
      const { code, details } = finalStatus(error);
      expectFinal(code);
      expectReadable(details);
      this.#checkOutput("the error's text", details);
      return { ok: false, code, details };
    } finally {
      this.#checkOutput("the log", this.#lines.splice(0).join(""));
    }
  }
}

/** One line of text, short enough for a header and an event. */
function expectReadable(details: string): void {
  if (details === "") throw new Error("an error without a text");
  if (/[\p{Cc}\u2028\u2029\ufeff\u202a-\u202e]/u.test(details) || !details.isWellFormed()) {
    throw new Error(`an error's text is no plain line: ${JSON.stringify(details)}`);
  }
  if (Buffer.byteLength(details) > 4_096) throw new Error(`an error's text has ${Buffer.byteLength(details)} bytes`);
}

export function expectEqual(what: string, one: unknown, other: unknown): void {
  if (isDeepStrictEqual(one, other)) return;
  throw new Error(`${what} differ: ${JSON.stringify(one)} and ${JSON.stringify(other)}`);
}
