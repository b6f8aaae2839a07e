import { beforeEach, describe, expect, test } from "vitest";
import { type Endpoint, Endpoints } from "./endpoints.js";
import { VaultError } from "./vault-error.js";

const outage = new VaultError("outage", "https://a refuses connections");
let nodes: Endpoints;

beforeEach(() => {
  nodes = new Endpoints("default", ["a", "b", "c"], () => 0.5);
});

const choose = (now: number, tried: string[] = [], requested?: string) => nodes.choose(new Set(tried), requested, now);
function chosen(now: number, tried: string[] = [], requested?: string): Endpoint {
  const choice = choose(now, tried, requested);
  if ("error" in choice) throw choice.error;
  return choice.endpoint;
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

  test("is the one we are sent to, unless it was tried", () => {
    expect(chosen(0, ["a"], "c").origin).toBe("c");
    expect(chosen(0, ["a", "c"], "c").origin).toBe("b");
  });
});

describe("a node that fails", () => {
  beforeEach(() => {
    nodes = new Endpoints("default", ["a"], () => 0.5);
  });
  const failAt = (...times: number[]) => {
    for (const now of times) nodes.failed(chosen(now), outage, now);
  };

  test("is open; callers get the reason and the time of the next attempt at once", () => {
    failAt(0, 250, 750);
    expect(nodes.shortestRestMs(800)).toBe(950);
    expect(choose(800)).toMatchObject({
      error: { kind: "outage", message: "https://a refuses connections; it is asked again in 1 s" },
    });
  });

  test("rests longer each time, at most five seconds or so", () => {
    failAt(0, 250, 750, 1_750, 3_750, 7_750, 12_750);
    expect(choose(17_749)).toHaveProperty("error");
    expect(chosen(17_750).origin).toBe("a");
  });

  test("rests no more once it has answered, and the next time as short as the first", () => {
    const a = chosen(0);
    failAt(0, 250, 750);
    nodes.succeeded(a);
    expect(nodes.shortestRestMs(800)).toBe(0);
    failAt(800);
    expect(nodes.shortestRestMs(800)).toBe(250);
  });

  test("rests once for all that failed together, and tells its health before it is asked again", () => {
    const a = chosen(0);
    nodes.identify(a, "one");
    for (let time = 0; time < 50; time += 1) nodes.failed(a, outage, 0);
    expect(chosen(250).identified).toBe(false);
  });

  test("rests no longer than a second where it only lacks a leader", () => {
    const leaderless = new VaultError("outage", "a has no active node at the moment", { status: 500 });
    for (const now of [0, 250, 750, 1_750, 2_750]) nodes.failed(chosen(now), leaderless, now);
    expect(chosen(3_750).origin).toBe("a");
  });

  test("is left out where others are well", () => {
    nodes = new Endpoints("default", ["a", "b"], () => 0.5);
    nodes.failed(chosen(0), outage, 0);
    expect(chosen(0, ["b"]).origin).toBe("b");
    expect(nodes.shortestRestMs(0)).toBe(0);
  });

  test("leaves the one that is asked where it is another", () => {
    nodes = new Endpoints("default", ["a", "b"], () => 0.5);
    nodes.failed(chosen(0, ["a"]), outage, 0);
    expect(chosen(0).origin).toBe("a");
    expect(nodes.preferred).toBe("a");
  });

  test("is only asked after the others where it is well itself", () => {
    nodes = new Endpoints("default", ["a", "b"], () => 0.5);
    nodes.avoid(chosen(0));
    expect([chosen(0).origin, chosen(0, ["b"]).origin]).toEqual(["b", "a"]);
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

  test("may be recreated at the address that named it", () => {
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
