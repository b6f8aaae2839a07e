import { once, setMaxListeners } from "node:events";
import { setTimeout as timer } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import { LeanAbortController } from "./lean-abort-controller.js";

const reason = new Error("over");

function nodes(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

describe.each([
  ["LeanAbortController", () => new LeanAbortController()],
  ["Node's own, for which the same holds", nodes],
])("%s", (_, make) => {
  it("has not aborted at first", () => {
    const { signal } = make();
    expect(signal.aborted).toBe(false);
    expect(signal.reason).toBeUndefined();
    expect(() => signal.throwIfAborted()).not.toThrow();
  });

  it("aborts once, with the first reason", () => {
    const controller = make();
    const heard = vi.fn();
    controller.signal.addEventListener("abort", heard);
    controller.abort(reason);
    controller.abort(new Error("later"));
    expect(controller.signal.aborted).toBe(true);
    expect(controller.signal.reason).toBe(reason);
    expect(() => controller.signal.throwIfAborted()).toThrow(reason);
    expect(heard).toHaveBeenCalledOnce();
    expect(heard.mock.calls[0]![0]).toMatchObject({ type: "abort" });
  });

  it.each([1, 2, 3, 100])("tells each of %i listeners once, in the order of their coming", (count) => {
    const controller = make();
    const heard: number[] = [];
    for (let n = 0; n < count; n += 1) {
      const listener = () => void heard.push(n);
      controller.signal.addEventListener("abort", listener, { once: true });
      controller.signal.addEventListener("abort", listener, { once: true });
    }
    controller.abort(reason);
    expect(heard).toEqual(Array.from({ length: count }, (_, n) => n));
  });

  it.each([
    [1, 0],
    [2, 0],
    [2, 1],
    [3, 1],
  ])("of %i listeners does not tell the one at %i, which was removed", (count, removed) => {
    const controller = make();
    const listeners = Array.from({ length: count }, () => vi.fn());
    for (const listener of listeners) controller.signal.addEventListener("abort", listener);
    controller.signal.removeEventListener("abort", listeners[removed]!);
    controller.abort(reason);
    expect(listeners.map((listener) => listener.mock.calls.length)).toEqual(
      listeners.map((_, at) => (at === removed ? 0 : 1)),
    );
  });

  it("does not tell a listener that another one has removed at that moment", () => {
    const controller = make();
    const removed = vi.fn();
    controller.signal.addEventListener("abort", () => controller.signal.removeEventListener("abort", removed));
    controller.signal.addEventListener("abort", removed);
    controller.abort(reason);
    expect(removed).not.toHaveBeenCalled();
  });

  it("tells one that came again after it was removed", () => {
    const controller = make();
    const [one, other] = [vi.fn(), vi.fn()];
    controller.signal.addEventListener("abort", one);
    controller.signal.addEventListener("abort", other);
    controller.signal.removeEventListener("abort", one);
    controller.signal.addEventListener("abort", one);
    controller.abort(reason);
    expect([one, other].map((listener) => listener.mock.calls.length)).toEqual([1, 1]);
  });

  it("knows no other event, and no listener that comes too late", () => {
    const controller = make();
    const [elsewhere, late] = [vi.fn(), vi.fn()];
    controller.signal.addEventListener("timeout", elsewhere);
    controller.abort(reason);
    controller.signal.addEventListener("abort", late);
    expect([elsewhere, late].map((listener) => listener.mock.calls.length)).toEqual([0, 0]);
  });

  it("tells listeners of every form", () => {
    const controller = make();
    const [handler, object] = [vi.fn(), { handleEvent: vi.fn() }];
    controller.signal.onabort = handler;
    controller.signal.addEventListener("abort", object);
    controller.abort(reason);
    expect(handler).toHaveBeenCalledOnce();
    expect(object.handleEvent).toHaveBeenCalledOnce();
  });

  it("ends what Node does with it", async () => {
    const controller = make();
    const { signal } = controller;
    const sleeping = timer(60_000, undefined, { signal, ref: false });
    const waiting = once(new EventTarget(), "never", { signal });
    controller.abort(reason);
    await expect(sleeping).rejects.toMatchObject({ name: "AbortError", cause: reason });
    await expect(waiting).rejects.toMatchObject({ name: "AbortError", cause: reason });
  });

  it("tells the others where a listener throws, which is no less than an uncaught exception", async () => {
    const controller = make();
    const heard = vi.fn();
    const fault = new Error("a listener's");
    const before = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    const uncaught = once(process, "uncaughtException");
    try {
      controller.signal.addEventListener("abort", () => {
        throw fault;
      });
      controller.signal.addEventListener("abort", heard);
      controller.abort(reason);
      expect(heard).toHaveBeenCalledOnce();
      expect((await uncaught)[0]).toBe(fault);
    } finally {
      for (const listener of before) process.on("uncaughtException", listener);
    }
  });
});
