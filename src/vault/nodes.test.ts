import { beforeEach, describe, expect, test } from "vitest";
import { type Node, Nodes } from "./nodes.js";
import { VaultError } from "./vault-error.js";

const outage = new VaultError("outage", "https://a refuses connections");
let nodes: Nodes;

beforeEach(() => {
  nodes = new Nodes("default", ["a", "b", "c"], () => 0.5);
});

const choose = (now: number, tried: string[] = [], wished?: string) => nodes.choose(new Set(tried), wished, now);
function chosen(now: number, tried: string[] = [], wished?: string): Node {
  const choice = choose(now, tried, wished);
  if ("error" in choice) throw choice.error;
  return choice.node;
}
function fail(times: number, now = 0, error = outage, tried: string[] = []) {
  for (let time = 0; time < times; time += 1) nodes.failed(chosen(now, tried), error, now);
}

describe("the node that is asked", () => {
  test("is the first, and then the one that answered last", () => {
    expect(chosen(0).origin).toBe("a");
    nodes.failed(chosen(0), outage, 0);
    expect(chosen(0).origin).toBe("b");
    nodes.succeeded(chosen(0));
    expect(chosen(0).origin).toBe("b");
  });

  test("is one that the call has not tried, if there is one", () => {
    expect(chosen(0, ["a"]).origin).toBe("b");
    expect(chosen(0, ["a", "b", "c"]).origin).toBe("a");
    expect([nodes.hasOthers(new Set(["a", "b"]), 0), nodes.hasOthers(new Set(["a", "b", "c"]), 0)]).toEqual([
      true,
      false,
    ]);
  });

  test("is the one we are sent to", () => expect(chosen(0, ["a"], "c").origin).toBe("c"));
});

describe("a node that keeps failing", () => {
  beforeEach(() => {
    nodes = new Nodes("default", ["a"], () => 0.5);
  });

  test("rests; all who ask are told at once why, and when it is asked again", () => {
    fail(5);
    expect(choose(10)).toMatchObject({
      error: { kind: "outage", message: "https://a refuses connections; it is asked again in 1 s" },
    });
  });

  test("is then asked by one, while the others go on waiting", () => {
    fail(5);
    const probe = chosen(1_000);
    expect(choose(1_000)).toHaveProperty("error");
    nodes.succeeded(probe);
    expect([chosen(1_000).origin, chosen(1_000).origin]).toEqual(["a", "a"]);
  });

  test("may be asked again when the one who asked gave up", () => {
    fail(5);
    nodes.undecided(chosen(1_000));
    expect(chosen(1_000).origin).toBe("a");
  });

  test("rests longer, at most five seconds or so", () => {
    fail(5);
    for (const now of [1_000, 3_000, 7_000, 12_000]) nodes.failed(chosen(now), outage, now);
    expect(choose(16_999)).toHaveProperty("error");
    expect(chosen(17_000).origin).toBe("a");
  });

  test("rests once for all that failed together", () => {
    const a = chosen(0);
    for (let time = 0; time < 50; time += 1) nodes.failed(a, outage, 0);
    expect(chosen(1_000).origin).toBe("a");
  });

  test("rests no longer than a second where it only lacks a leader", () => {
    const leaderless = new VaultError("outage", "a has no active node at the moment", { status: 500 });
    fail(5, 0, leaderless);
    for (const now of [1_000, 2_000, 3_000]) nodes.failed(chosen(now), leaderless, now);
    expect(chosen(4_000).origin).toBe("a");
  });

  test("is left out where others are well", () => {
    nodes = new Nodes("default", ["a", "b"], () => 0.5);
    const a = chosen(0);
    for (let time = 0; time < 5; time += 1) nodes.failed(a, outage, 0);
    expect(chosen(0, ["b"]).origin).toBe("b");
  });
});

describe("the cluster", () => {
  const foreign = /^b is of another cluster than a; the connection default may list nodes of one cluster only$/;

  test("is named by the first node that tells; another's is refused", () => {
    expect(nodes.identify(chosen(0), "one")).toBeUndefined();
    const b = chosen(0, ["a"]);
    expect(nodes.identify(b, "two")).toMatchObject({
      kind: "configuration",
      message: expect.stringMatching(foreign) as string,
    });
    expect(b.identified).toBe(false);
    expect(nodes.identify(b, "one")).toBeUndefined();
    expect(b.identified).toBe(true);
  });

  test("is not told by an Agent, which is believed", () => {
    nodes.identify(chosen(0), "one");
    expect(nodes.identify(chosen(0, ["a"]), undefined)).toBeUndefined();
  });

  test("may be made anew where it was named", () => {
    nodes.identify(chosen(0), "one");
    expect(nodes.identify(chosen(0), "two")).toBeUndefined();
    expect(nodes.identify(chosen(0, ["a"]), "one")).toMatchObject({ kind: "configuration" });
  });

  test("is asked again after a failure", () => {
    const a = chosen(0);
    nodes.identify(a, "one");
    nodes.failed(a, outage, 0);
    expect(a.identified).toBe(false);
  });
});
