import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ProviderError } from "../shared/errors.js";
import { Redacted } from "../shared/redacted.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { refusal, startKubernetesApi } from "../../dev/testing/kubernetes-api.js";
import { until } from "../../dev/testing/until.js";
import type { KubeCall } from "./kube-client.js";
import { AnswerTooLong, KubeError } from "./kube-error.js";
import { PodWatch } from "./pod-watch.js";

/** What one watch tells before it ends; an error ends it so, `hang` keeps it open. */
type Told = (object | Error | "hang")[];

let clock: FakeClock;
let calls: string[];
/** What the lists give, one after another, the last again and again. */
let lists: (object | Error)[];
let watches: Told[];
let states: string[];
let watch: PodWatch;
let life: AbortController;
let running: Promise<void> | undefined;

const pod = (uid: string, version: string, more: object = {}) => ({
  metadata: { namespace: "shop", name: `web-${uid}`, uid, resourceVersion: version, ...more },
});
const listed = (version: string, items: object[], next = "") => ({
  metadata: { resourceVersion: version, continue: next },
  items,
});
const bookmark = (resourceVersion: string) => ({ type: "BOOKMARK", object: { metadata: { resourceVersion } } });
const expired = { type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired" } };
const tooLong = () => new AnswerTooLong("listing", "the answer", 1_000);
const watchesFrom = () => calls.filter((call) => call.startsWith("watch"));
const outage = () => new ProviderError("unavailable", "listing: no answer");

beforeEach(() => {
  running = undefined;
  clock = new FakeClock();
  calls = [];
  lists = [listed("10", [pod("a", "5"), pod("b", "6")])];
  watches = [];
  states = [];
  life = new AbortController();
  watch = new PodWatch({
    kube: { call: async ({ path }: KubeCall) => new Redacted(next(path)), stream },
    nodeName: "node-1",
    clock,
    random: () => 0.5,
    emit: (event) => {
      if (event.kind !== "podWatchChanged") return;
      states.push(event.error ? `${event.state}: ${event.error.message}` : event.state);
    },
  });
});

afterEach(async () => {
  life.abort();
  await running;
});

function next(path: string): object {
  calls.push(said(path));
  const answer = lists.length > 1 ? lists.shift()! : lists[0]!;
  if (answer instanceof Error) throw answer;
  return answer;
}

async function* stream({ path }: KubeCall, _idleMs: number, signal: AbortSignal): AsyncGenerator<unknown, void> {
  calls.push(said(path));
  for (const line of watches.shift() ?? ["hang"]) {
    if (line instanceof Error) throw line;
    if (line === "hang") await clock.sleep(10 ** 9, signal);
    else yield line;
  }
}

/** A call in short. */
function said(path: string): string {
  const query = new URL(path, "https://api").searchParams;
  if (query.get("watch")) return `watch from ${query.get("resourceVersion")}`;
  return query.has("continue") ? `list on ${query.get("continue")}` : "list";
}

async function run(ms = 0): Promise<void> {
  running ??= watch.run(life.signal);
  await clock.advance(ms);
}

test("asks for the node's living pods only, and for their metadata", async () => {
  const asked: KubeCall[] = [];
  const kube = {
    call: async (call: KubeCall) => (asked.push(call), new Redacted(listed("10", []))),
    stream: (call: KubeCall, idle: number, signal: AbortSignal) => (asked.push(call), stream(call, idle, signal)),
  };
  const other = new PodWatch({ kube, nodeName: "node-1", clock, random: () => 0, emit: () => {} });
  running = other.run(life.signal);
  await clock.advance(0);
  const [list, watching] = asked.map(({ path }) => Object.fromEntries(new URL(path, "https://api").searchParams));
  const fieldSelector = "spec.nodeName=node-1,status.phase!=Succeeded,status.phase!=Failed";
  expect(list).toEqual({ fieldSelector, limit: "64" });
  expect(watching).toMatchObject({ fieldSelector, watch: "true", allowWatchBookmarks: "true", timeoutSeconds: "300" });
  expect(asked.map(({ accept }) => accept)).toEqual([
    expect.stringContaining("as=PartialObjectMetadataList;") as string,
    expect.stringContaining("as=PartialObjectMetadata;") as string,
  ]);
});

test("knows who is there, who comes, who goes, and what they request", async () => {
  watches = [
    [
      { type: "ADDED", object: pod("c", "11") },
      { type: "MODIFIED", object: pod("a", "12", { annotations: { "keymount.dev/refresh": "1", other: "x" } }) },
      { type: "DELETED", object: pod("b", "13") },
      "hang",
    ],
  ];
  await run();
  expect(watch.find("a")).toEqual({ namespace: "shop", name: "web-a", uid: "a", refresh: "1" });
  expect([watch.find("b"), watch.find("c")?.name, watch.size]).toEqual([undefined, "web-c", 2]);
  expect(states).toEqual(["live"]);
});

test("lists page by page, and forgets no pod before it has all pages", async () => {
  lists = [listed("10", [pod("a", "5")], "more"), listed("10", [pod("b", "6")])];
  await run();
  expect(calls).toEqual(["list", "list on more", "watch from 10"]);
  expect(watch.size).toBe(2);
});

describe("a watch that ends", () => {
  test("in time is resumed where it was, after a moment", async () => {
    watches = [[bookmark("20")], [{ type: "DELETED", object: pod("a", "21") }], ["hang"]];
    await run(5_000);
    expect(calls).toEqual(["list", "watch from 10", "watch from 20", "watch from 21"]);
    expect(watch.find("a")).toBeUndefined();
  });

  test("with a cut is resumed, and nothing is thought to be unknown for a minute", async () => {
    watches = [[bookmark("20"), outage()], [outage()], ["hang"]];
    await run(30_000);
    expect(calls).toEqual(["list", "watch from 10", "watch from 20", "watch from 20"]);
    expect(states).toEqual(["live"]);
  });

  test.each([
    ["an event that says it is too old", [bookmark("20"), expired]],
    ["a refusal that says so", [new KubeError(410, "Expired", "too old")]],
  ])("with %s is restarted with a list", async (_how, told) => {
    watches = [told, ["hang"]];
    lists = [listed("10", [pod("a", "5"), pod("b", "6")]), listed("30", [pod("b", "6")])];
    await run(5_000);
    expect(calls.slice(-2)).toEqual(["list", "watch from 30"]);
    expect([watch.find("a"), watch.find("b")?.uid]).toEqual([undefined, "b"]);
  });

  test("again and again is tried ever more rarely, and after a minute it is not known who lives", async () => {
    watches = Array.from({ length: 100 }, () => [outage()]);
    await run(10 * 60_000);
    expect(states).toEqual(["live", "stale: listing: no answer"]);
    expect(watch.state).toBe("stale");
    expect(watchesFrom().length).toBeLessThan(30);
    watches = [[bookmark("20"), "hang"]];
    await run(60_000);
    expect(watch.state).toBe("live");
  });

  test("without a word is one that failed: it is tried ever more rarely, and soon not believed", async () => {
    watches = Array.from({ length: 100 }, () => []);
    await run(10 * 60_000);
    expect(states).toEqual(["live", expect.stringMatching(/^stale: .* without a word$/) as string]);
    expect(watchesFrom().length).toBeLessThan(30);
  });

  test("and cannot be resumed for a minute, for any reason, is restarted with a list", async () => {
    watches = [[bookmark("9000")], ...Array.from({ length: 7 }, () => [new KubeError(500, "", "no such version")])];
    lists = [listed("10", [pod("a", "5")]), listed("30", [pod("b", "6")])];
    await run(4 * 60_000);
    expect(watchesFrom().at(-1)).toBe("watch from 30");
    expect([watch.find("a"), watch.find("b")?.uid]).toEqual([undefined, "b"]);
  });

  test("because of a line that is not understood is resumed", async () => {
    watches = [[bookmark("20"), { type: "NEWS" }], ["hang"]];
    await run(10_000);
    expect(calls.at(-1)).toBe("watch from 20");
  });
});

test("tells a pod from the one of the same name before it, and takes what it knows already", async () => {
  const again = { metadata: { ...pod("a", "12").metadata, uid: "a2" } };
  watches = [
    [
      { type: "ADDED", object: pod("b", "6") },
      { type: "ADDED", object: again },
      { type: "DELETED", object: pod("a", "13") },
      { type: "DELETED", object: pod("a", "13") },
      "hang",
    ],
  ];
  await run();
  expect([watch.find("a"), watch.find("a2")?.name, watch.size]).toEqual([undefined, "web-a", 2]);
});

test("keeps no more of a refresh request than tells it from another", async () => {
  lists = [listed("10", [pod("a", "5", { annotations: { "keymount.dev/refresh": "x".repeat(5_000) } })])];
  await run();
  expect(watch.find("a")!.refresh).toBe(`${"x".repeat(250)}…`);
});

test("a list whose next page is requested too late is restarted", async () => {
  const expiredPage = new KubeError(410, "Expired", "the continue token is too old");
  lists = [listed("10", [pod("a", "5")], "more"), expiredPage, listed("20", [pod("b", "6")])];
  await run(5_000);
  expect(calls).toEqual(["list", "list on more", "list", "watch from 20"]);
  expect([watch.find("a"), watch.size]).toEqual([undefined, 1]);
});

test("asks for fewer pods at once where their metadata is too long", async () => {
  lists = [tooLong(), listed("10", [pod("a", "5")], "more"), tooLong(), listed("20", [pod("a", "5"), pod("b", "6")])];
  await run();
  expect(calls).toEqual(["list", "list", "list on more", "list", "watch from 20"]);
  expect([watch.size, states]).toEqual([2, ["live"]]);
});

test("where one pod alone is too long, it says so, and rests", async () => {
  lists = [tooLong()];
  await run();
  expect(calls).toEqual(["list", "list", "list", "list"]);
  expect(states).toEqual(["stale: listing: the answer has more than 1000 bytes"]);
});

test("of an API server: pages, a connection that breaks, a version that is too old, and one that goes", async () => {
  const told = (...events: object[]) => events.map((line) => `${JSON.stringify(line)}\n`).join("");
  const lines = [
    { status: 200, body: told(bookmark("20")), cut: true },
    refusal(410, "Expired"),
    { status: 200, body: told({ type: "DELETED", object: pod("a", "31") }), open: true },
  ];
  const { client, calls: made } = await startKubernetesApi(({ path }) => {
    if (said(path).startsWith("watch")) return lines.shift() ?? "hang";
    return {
      status: 200,
      body: listed("10", [pod(said(path) === "list" ? "a" : "b", "5")], said(path) === "list" ? "p2" : ""),
    };
  });
  const other = new PodWatch({
    kube: client,
    nodeName: "node-1",
    clock,
    random: () => 0,
    emit: () => {},
  });
  running = other.run(life.signal);
  await until(async () => (await clock.advance(1_000), other.size === 1), 20);
  expect(other.find("b")).toEqual({ namespace: "shop", name: "web-b", uid: "b" });
  expect(made.map(({ path }) => said(path))).toEqual([
    ...["list", "list on p2", "watch from 10"],
    ...["watch from 20", "list", "list on p2", "watch from 10"],
  ]);
});

test("pods whose authors wrote megabytes where the API server lets them are listed and watched as others are", async () => {
  const written = JSON.stringify("<".repeat(1_300_000)).replaceAll("<", "\\u003c");
  const huge = (name: string, version: string) =>
    JSON.stringify(pod(name, version)).replace('"metadata":{', `"metadata":{"ownerReferences":[{"name":${written}}],`);
  const { client } = await startKubernetesApi(({ path }) => {
    if (!said(path).startsWith("watch"))
      return { status: 200, body: JSON.stringify(listed("10", [])).replace("[]", `[${huge("a", "5")}]`) };
    return { status: 200, body: `{"type":"ADDED","object":${huge("b", "11")}}\n`, open: true };
  });
  const other = new PodWatch({ kube: client, nodeName: "node-1", clock, random: () => 0, emit: () => {} });
  running = other.run(life.signal);
  await until(async () => (await clock.advance(0), other.size === 2));
  expect([other.state, other.find("b")]).toEqual(["live", { namespace: "shop", name: "web-b", uid: "b" }]);
});

test("where it may not list, it says so once, and goes on trying", async () => {
  lists = [new KubeError(403, "Forbidden", "forbidden; its RBAC must allow it")];
  await run(5 * 60_000);
  expect(states).toEqual(["stale: forbidden; its RBAC must allow it"]);
  expect(calls.length).toBeGreaterThan(3);
  lists = [listed("10", [])];
  await run(60_000);
  expect(states.at(-1)).toBe("live");
});
