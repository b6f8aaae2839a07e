import { credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import type { MountSummary } from "../mount/mount-summary.js";
import { type ErrorCode, ProviderError } from "../shared/errors.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { mountWith, startTestServer } from "../../dev/testing/rpc-server.js";
import { until } from "../../dev/testing/until.js";
import { CSIDriverProviderClient, MountRequest, type MountResponse } from "../wire/provider.js";
import type { ProviderService } from "./provider-service.js";
import type { RpcEvent } from "./rpc-event.js";

const request = MountRequest.decode(Buffer.alloc(0));
const empty: MountResponse = { objectVersion: [], error: undefined, files: [] };

/** A provider with this Mount, a client of it, and what the edge reported. */
async function served(mount: ProviderService["mount"], clock = new FakeClock(Date.now())) {
  const outcomes: Extract<RpcEvent, { kind: "mountCalled" }>[] = [];
  const { socketPath } = await startTestServer({
    clock,
    graceMs: 0,
    service: { version: () => ({ version: "", runtimeName: "", runtimeVersion: "" }), mount },
    emit: (event) => event.kind === "mountCalled" && outcomes.push(event),
  });
  const client = new CSIDriverProviderClient(`unix:${socketPath}`, credentials.createInsecure(), {
    "grpc.enable_retries": 0,
  });
  onTestFinished(() => client.close());
  const call = (options: { deadline?: number } = {}, cancel?: AbortSignal) =>
    new Promise<ServiceError | undefined>((resolve) => {
      const sent = client.mount(request, new Metadata(), options, (error) => resolve(error ?? undefined));
      cancel?.addEventListener("abort", () => sent.cancel());
    });
  return { call, outcomes, clock };
}

/** A Mount that never answers, and the signal it was given. */
function hanging() {
  let signal: AbortSignal | undefined;
  return {
    mount: mountWith((_request, given) => {
      signal = given;
      return new Promise(() => {});
    }),
    signal: async () => {
      await until(() => signal !== undefined, 1);
      return signal!;
    },
  };
}

describe("a method's end", () => {
  test("that is an answer is sent and reported", async () => {
    const { call, outcomes } = await served(mountWith(async () => empty));
    expect(await call()).toBeUndefined();
    expect(outcomes).toEqual([{ kind: "mountCalled", code: "ok", durationMs: 0, summary: {} }]);
  });

  test("that is one of our errors goes out with its words", async () => {
    const error = new ProviderError("not_found", "object app: no secret at kv/data/app");
    const { call, outcomes } = await served(mountWith(() => Promise.reject(error)));
    expect(await call()).toMatchObject({ code: status.NOT_FOUND, details: error.message });
    expect(outcomes).toEqual([{ kind: "mountCalled", code: "not_found", durationMs: 0, summary: {}, error }]);
  });

  test.each([
    ["a rejection", () => Promise.reject(new Error("Bearer s.token"))],
    [
      "a throw",
      () => {
        throw new Error("Bearer s.token");
      },
    ],
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors
    ["a rejection with nothing", () => Promise.reject(undefined)],
    ["an answer that is none", () => Promise.resolve(undefined as unknown as MountResponse)],
  ])("that is a stranger's, as %s, keeps its text to itself", async (_name, mount) => {
    const { call } = await served(mountWith(mount));
    const error = await call();
    expect(error?.code).toBe(status.INTERNAL);
    expect(error?.details).not.toContain("s.token");
  });
});

describe("a caller", () => {
  test("that gives up ends the method's signal, and is reported once", async () => {
    const { mount, signal } = hanging();
    const { call, outcomes } = await served(mount);
    const cancel = new AbortController();
    const called = call({}, cancel.signal);
    const given = await signal();
    cancel.abort();
    await called;
    await until(() => outcomes.length > 0);
    expect(given.reason).toMatchObject({ code: "cancelled" });
    expect(outcomes.map(({ code }) => code)).toEqual(["cancelled"]);
  });

  test("without a deadline is answered within 90 s, with a final code", async () => {
    const { mount, signal } = hanging();
    const { call, clock, outcomes } = await served(mount);
    const called = call();
    const given = await signal();
    await clock.advance(89_999);
    expect(given.aborted).toBe(false);
    await clock.advance(1);
    expect(await called).toMatchObject({ code: status.FAILED_PRECONDITION });
    expect(given.reason).toMatchObject({ code: "deadline_exceeded" });
    expect(outcomes.map(({ code, durationMs }) => [code, durationMs])).toEqual([["deadline_exceeded", 90_000]]);
  });

  test("that is not answered in time is reported with what its Mount knew by then", async () => {
    const summary: MountSummary = {};
    let begun = false;
    const mount = () => ((begun = true), { response: new Promise<MountResponse>(() => {}), summary: () => summary });
    const { call, clock, outcomes } = await served(mount);
    const called = call();
    await until(() => begun, 1);
    summary.volume = { files: 1, stale: [], bytes: 1, unchanged: true };
    await clock.advance(90_000);
    await called;
    expect(outcomes).toMatchObject([{ code: "deadline_exceeded", summary: { volume: { files: 1 } } }]);
  });

  test.each([
    ["two minutes, as kubelet", 120_000, 90_000],
    ["half a minute", 30_000, 28_000],
    ["five seconds, as the driver's health check", 5_000, 3_000],
    ["a second", 1_000, 500],
  ])("with %s is answered before its own deadline", async (_name, deadlineMs, answeredMs) => {
    const { mount, signal } = hanging();
    const { call, clock } = await served(mount);
    const called = call({ deadline: clock.wall() + deadlineMs });
    await signal();
    const slack = 100;
    await clock.advance(answeredMs - slack);
    expect((await signal()).aborted).toBe(false);
    await clock.advance(2 * slack);
    expect(await called).toMatchObject({ code: status.FAILED_PRECONDITION });
  });

  test("with a millisecond gets its answer promptly", async () => {
    const { call } = await served(hanging().mount);
    expect(await call({ deadline: Date.now() + 1 })).toBeDefined();
  });
});

test("only final codes are sent, for every error of a Mount", async () => {
  const codes: ErrorCode[] = [
    "invalid_request",
    "unauthenticated",
    "permission_denied",
    "not_found",
    "unavailable",
    "limit_exceeded",
    "deadline_exceeded",
    "cancelled",
    "internal",
  ];
  const thrown = fc.oneof(
    fc
      .tuple(fc.constantFrom(...codes), fc.string({ unit: "binary" }))
      .map(([code, text]) => new ProviderError(code, text)),
    fc.record({ code: fc.integer({ min: 0, max: 20 }), details: fc.string(), message: fc.string() }),
    fc.constantFrom("AbortError", "TimeoutError").map((name) => new DOMException("x", name)),
    fc.anything(),
  );
  let next: unknown;
  // oxlint-disable-next-line typescript/prefer-promise-reject-errors
  const { call } = await served(mountWith(() => Promise.reject(next)));
  const final = [
    status.INVALID_ARGUMENT,
    status.UNAUTHENTICATED,
    status.PERMISSION_DENIED,
    status.NOT_FOUND,
    status.FAILED_PRECONDITION,
    status.INTERNAL,
  ];
  await fc.assert(
    fc.asyncProperty(thrown, async (reason) => {
      next = reason;
      expect(final).toContain((await call())?.code);
    }),
  );
});
