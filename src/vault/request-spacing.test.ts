import { describe, expect, test } from "vitest";
import { RequestSpacing } from "./request-spacing.js";

/** Answers at 10 s, each after so many milliseconds, of these namespaces in turn; so many requests were under way. */
function after(times: readonly number[], namespaces = ["a", "b"], running = 4): RequestSpacing {
  const spacing = new RequestSpacing();
  times.forEach((ms, n) => {
    spacing.answered({ namespace: namespaces[n % namespaces.length]!, ms }, running, 10_000);
  });
  return spacing;
}
const slow = (many: number) => Array<number>(many).fill(2_000);

describe("the gap between two requests", () => {
  test.each<[string, RequestSpacing, number]>([
    ["none before an answer", after([]), 0],
    ["none where Vault is fast", after([20, 500, 20, 500]), 0],
    ["none where one answer was fast", after([2_000, 20, 2_000, 2_000]), 0],
    ["none where all is slow for one namespace alone", after(slow(8), ["a"]), 0],
    ["none after too few answers", after(slow(3)), 0],
    ["twice the time between two answers where all is slow", after(slow(4)), 1_000],
    ["shorter where more run at once", after(slow(4), ["a", "b"], 16), 250],
    ["no longer by what was sent before it", after(slow(8)), 1_000],
    ["no longer than an answer takes", after([600, 600, 600, 600], ["a", "b"], 1), 600],
    ["two seconds at most", after([9_000, 9_000, 9_000, 9_000]), 2_000],
    ["none while an early fast answer is among its namespace's latest four", after([20, ...slow(7)]), 0],
    ["there once that is forgotten", after([20, ...slow(8)]), 1_000],
  ])("is %s", (_, spacing, gapMs) => {
    expect(spacing.gapAt(10_000)).toBe(gapMs);
  });

  /** A tenant's own path is slow, with these answers of others in between; one answer of its own follows each. */
  const fast = Array<[string, number]>(4).fill(["b", 20]);
  test.each<[string, [namespace: string, ms: number][], number]>([
    ["none where another's only answer is slow", [["b", 550]], 0],
    ["none where another's login is slow, and its reads are not", [["b", 550], ...fast, ["b", 550]], 0],
    ["none where two others have had one slow answer among fast ones", [...fast, ["b", 550], ["c", 20], ["c", 550]], 0],
    [
      "none where one of three others is slow as well",
      [
        ["c", 20],
        ["d", 20],
        ["b", 550],
        ["b", 550],
      ],
      0,
    ],
    [
      "there where two of three are slow",
      [
        ["c", 20],
        ["b", 550],
        ["b", 550],
      ],
      550,
    ],
  ])("in front of a slow path of one tenant, is %s", (_, others, gapMs) => {
    const spacing = new RequestSpacing();
    const answer = (namespace: string, ms: number) => spacing.answered({ namespace, ms }, 1, 10_000);
    for (let n = 0; n < 8; n += 1) answer("evil", 600);
    for (const [namespace, ms] of others) {
      answer(namespace, ms);
      for (let n = 0; n < 8; n += 1) answer("evil", 600);
    }
    expect(spacing.gapAt(10_000)).toBe(gapMs);
  });

  test.each([
    [20_000, 600],
    [20_001, 0],
  ])("is told by what namespaces were answered of late: %i ms after another's, %i ms", (laterMs, gapMs) => {
    const spacing = new RequestSpacing();
    for (let n = 0; n < 2; n += 1) spacing.answered({ namespace: "b", ms: 600 }, 1, 10_000);
    for (let n = 0; n < 2; n += 1) spacing.answered({ namespace: "a", ms: 600 }, 1, 10_000 + laterMs);
    expect(spacing.gapAt(10_000 + laterMs)).toBe(gapMs);
  });

  test("is no shorter by what is fast while most are slow", () => {
    const spacing = after([...slow(4), ...slow(4)]);
    spacing.answered({ namespace: "c", ms: 20 }, 4, 25_000);
    expect(spacing.gapAt(25_000)).toBe(500);
  });

  test("is half as long every fifteen seconds, and gone in the end", () => {
    expect([25_000, 40_000, 600_000].map((at) => after(slow(4)).gapAt(at))).toEqual([500, 250, 0]);
  });

  test("doubles where Vault is still busy when it has had its effect", () => {
    const spacing = after(slow(4));
    spacing.answered({ namespace: "a", ms: 1_500 }, 4, 25_000);
    expect(spacing.gapAt(25_000)).toBe(1_000);
  });
});
