import { expect, test } from "vitest";
import { FairQueue, type Waiting } from "./fair-queue.js";
import type { Priority } from "./vault-client.js";

interface Named extends Waiting {
  name: string;
}

/** `shop:1` is a first mount of the namespace shop; `shop:1!` of another lane; a priority may follow after a slash. */
function waiting(text: string): Named {
  const [name = "", priority = "first-mount"] = text.split("/");
  return {
    name,
    namespace: name.split(":")[0]!,
    priority: priority as Priority,
    lane: name.endsWith("!") ? "logins" : "reads",
  };
}

function queueOf(capacity: number, ...texts: string[]): { queue: FairQueue<Named>; left: string[] } {
  const queue = new FairQueue<Named>(capacity);
  const left = texts.flatMap((text) => queue.add(waiting(text))?.name ?? []);
  return { queue, left };
}

const all = () => true;
const reads = ({ lane }: Named) => lane === "reads";

function order(queue: FairQueue<Named>, admits: (item: Named) => boolean = all): string[] {
  const names: string[] = [];
  for (let next = queue.take(admits); next; next = queue.take(admits)) names.push(next.name);
  return names;
}

test("the urgent go first", () => {
  const { queue } = queueOf(9, "a:1/revoke", "a:2/refresh", "a:3/replacement", "a:4/renewal", "a:5/first-mount");
  expect(order(queue)).toEqual(["a:5", "a:4", "a:3", "a:2", "a:1"]);
});

test("namespaces take turns, however many of one wait", () => {
  const { queue } = queueOf(9, "a:1", "a:2", "a:3", "a:4", "b:1", "c:1", "b:2");
  expect(order(queue)).toEqual(["a:1", "b:1", "c:1", "a:2", "b:2", "a:3", "a:4"]);
});

test("a namespace that comes back does not go before those that wait", () => {
  const { queue } = queueOf(9, "a:1", "b:1");
  expect(queue.take(all)?.name).toBe("a:1");
  queue.add(waiting("a:2"));
  expect(order(queue)).toEqual(["b:1", "a:2"]);
});

test("a lane that has to wait is passed by the others", () => {
  const { queue } = queueOf(9, "a:1!", "a:2", "b:1!");
  expect(order(queue, reads)).toEqual(["a:2"]);
  expect(order(queue)).toEqual(["b:1!", "a:1!"]);
});

test("one turn in eight is the oldest's, so that none waits for ever", () => {
  const { queue } = queueOf(99, "z:1/revoke", ...Array.from({ length: 20 }, (_, n) => `a:${n}`));
  expect(order(queue).indexOf("z:1")).toBe(7);
});

test("when full, the namespace that holds the most gives way with its newest, least urgent", () => {
  const { queue, left } = queueOf(4, "a:1", "a:2/refresh", "a:3/refresh", "a:4", "b:1");
  expect(left).toEqual(["a:3"]);
  expect(order(queue)).toEqual(["a:1", "b:1", "a:4", "a:2"]);
});

test("when full of one namespace, its own newest is refused", () => {
  expect(queueOf(2, "a:1", "a:2", "a:3").left).toEqual(["a:3"]);
});

test("who no longer waits is not served", () => {
  const { queue } = queueOf(9, "a:1");
  const gone = waiting("a:2");
  queue.add(gone);
  queue.remove(gone);
  queue.remove(gone);
  expect([queue.size, order(queue)]).toEqual([1, ["a:1"]]);
  expect(queue.size).toBe(0);
});
