import { describe, expect, test } from "vitest";
import { FairQueue, type QueueLimits, type Waiting } from "./fair-queue.js";

interface Named extends Waiting {
  name: string;
}

/** `a1` is the most urgent rank of the tenant a; `a1/4` of the rank 4; `a1!` of those that may have to wait. */
function waiting(text: string, weight = 1): Named {
  const [name = "", rank = "0"] = text.split("/");
  return { name, tenant: name[0]!, rank: Number(rank), weight };
}

function queueOf(limits: QueueLimits, ...texts: string[]): { queue: FairQueue<Named>; left: string[] } {
  const queue = new FairQueue<Named>(limits);
  return { queue, left: texts.flatMap((text) => add(queue, text)) };
}
const roomy = { weight: 99 };
const add = (queue: FairQueue<Named>, text: string, weight = 1) =>
  queue.add(waiting(text, weight)).map(({ name }) => name);

/** Takes all, each of which costs so much. */
function order(queue: FairQueue<Named>, admits?: (item: Named) => boolean, costOf = (_name: string) => 1): string[] {
  const names: string[] = [];
  for (let next = queue.take(admits); next; next = queue.take(admits)) {
    names.push(next.name);
    queue.charge(next.tenant, costOf(next.name));
  }
  return names;
}

test.each<[string, string[], string[]]>([
  ["the urgent go first", ["a1/4", "a2/3", "a3/2", "a4/1", "a5"], ["a5", "a4", "a3", "a2", "a1"]],
  ["of one tenant, in the order of arrival", ["a1", "a2", "a3"], ["a1", "a2", "a3"]],
  [
    "tenants take turns, however many of one wait",
    ["a1", "a2", "a3", "a4", "b1", "c1", "b2"],
    ["a1", "b1", "c1", "a2", "b2", "a3", "a4"],
  ],
])("%s", (_what, texts, expected) => {
  expect(order(queueOf(roomy, ...texts).queue)).toEqual(expected);
});

test("a tenant that comes back does not go before those that wait", () => {
  const { queue } = queueOf(roomy, "a1", "b1");
  queue.charge(queue.take()!.tenant, 1);
  add(queue, "a2");
  expect(order(queue)).toEqual(["b1", "a2"]);
});

test("a tenant that comes late has its turn next, but does not make up for the turns it did not want", () => {
  const { queue } = queueOf(roomy, ...Array.from({ length: 9 }, (_, n) => `a${n}`));
  for (let turn = 0; turn < 5; turn += 1) queue.charge(queue.take()!.tenant, 1);
  for (const name of ["b0", "b1", "b2"]) add(queue, name);
  expect(order(queue)).toEqual(["b0", "a5", "b1", "a6", "b2", "a7", "a8"]);
});

test("what has to wait is passed by the others", () => {
  const { queue } = queueOf(roomy, "a1!", "a2", "b1!");
  expect(order(queue, ({ name }) => !name.endsWith("!"))).toEqual(["a2"]);
  expect(order(queue)).toEqual(["b1!", "a1!"]);
});

test("one turn in eight ignores ranks, so that none waits for ever", () => {
  const { queue } = queueOf(roomy, "z1/4", ...Array.from({ length: 20 }, (_, n) => `a${n}`));
  expect(order(queue).indexOf("z1")).toBe(7);
});

describe("a tenant whose turns cost much", () => {
  const dear = (name: string) => (name.startsWith("a") ? 2_000 : 1);

  test("waits for those whose turns cost little", () => {
    const { queue } = queueOf(roomy, "a1", "a2", "b1", "b2", "b3");
    expect(order(queue, undefined, dear)).toEqual(["a1", "b1", "b2", "b3", "a2"]);
  });

  test("is forgiven once the queue was empty", () => {
    const { queue } = queueOf(roomy, "a1");
    order(queue, undefined, dear);
    for (const name of ["a2", "b1"]) add(queue, name);
    expect(order(queue)).toEqual(["a2", "b1"]);
  });

  test("is not forgiven while others wait, though nothing of it did for a moment", () => {
    const { queue } = queueOf(roomy, "a1", "b1", "b2");
    queue.charge(queue.take()!.tenant, 2_000);
    add(queue, "a2");
    expect(order(queue)).toEqual(["b1", "b2", "a2"]);
  });

  test("is not forgiven for what is charged once all have left, however much all had before", () => {
    const { queue } = queueOf(roomy, "z1", "z2");
    order(queue, undefined, () => 5_000);
    add(queue, "a1");
    expect([queue.take()?.name, queue.take()]).toEqual(["a1", undefined]);
    queue.charge("a", 2_000);
    for (const name of ["a2", "b1"]) add(queue, name);
    expect(order(queue)).toEqual(["b1", "a2"]);
  });

  test("is not forgiven for what is charged after its last item left", () => {
    const { queue } = queueOf(roomy, "a1");
    queue.take();
    for (const name of ["a2", "b1"]) add(queue, name);
    queue.charge("a", 2_000);
    expect(order(queue)).toEqual(["b1", "a2"]);
  });
});

describe("when full", () => {
  test("the tenant that holds the most loses its newest, least urgent", () => {
    const { queue, left } = queueOf({ weight: 4 }, "a1", "a2/3", "a3/3", "a4", "b1");
    expect(left).toEqual(["a3"]);
    expect(order(queue)).toEqual(["a1", "b1", "a4", "a2"]);
  });

  test("of one tenant, its own newest is refused", () => {
    expect(queueOf({ weight: 2 }, "a1", "a2", "a3").left).toEqual(["a3"]);
  });

  test("by weight, as many leave as it takes", () => {
    const { queue } = queueOf({ weight: 100 });
    for (const name of ["a1", "a2", "a3", "a4"]) add(queue, name, 20);
    expect(add(queue, "b1", 55)).toEqual(["a4", "a3"]);
    expect(add(queue, "b2", 10)).toEqual(["b2"]);
    expect(order(queue)).toEqual(["a1", "b1", "a2"]);
  });
});

test("a tenant may have so many waiting, and others none the less", () => {
  const { queue, left } = queueOf({ weight: 99, ofTenant: 3 }, "a1", "a2", "a3", "a4", "b1");
  expect(left).toEqual(["a4"]);
  expect(queue.take()?.name).toBe("a1");
  expect(add(queue, "a4")).toEqual([]);
});

test("what no longer waits is not served", () => {
  const { queue } = queueOf(roomy, "a1");
  const gone = waiting("a2");
  queue.add(gone);
  queue.remove(gone);
  queue.remove(gone);
  expect([queue.size, order(queue)]).toEqual([1, ["a1"]]);
  expect(queue.size).toBe(0);
});
